"""One run: set up, let customers come, watch, let everybody be served, judge, take down."""

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console

from one_machine import summary
from one_machine.keeper import PartError
from one_machine.options import Options
from one_machine.real_platform import instructions
from one_machine.system import System, running
from one_machine.view import LiveView, PlainView, Scene, view_for
from one_machine.watch import Reading, Watch, figures

TICK_S = 1.0
DRAIN_MAX_S = 20.0
VERDICT_TIMEOUT_S = 60.0


class Wish:
    """What the person wants: the first Ctrl-C or SIGTERM ends the traffic, the second one the waiting too."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.at_once = threading.Event()

    def listen(self) -> None:
        """Take the two signals from now on."""
        for which in (signal.SIGINT, signal.SIGTERM):
            signal.signal(which, self._heard)

    def _heard(self, *_: object) -> None:
        if self.end.is_set():
            self.at_once.set()
        self.end.set()


@dataclass(slots=True)
class Show:
    """The running system, looked at once a second."""

    system: System
    view: LiveView | PlainView
    watch: Watch
    began: float = field(default_factory=time.monotonic)
    due: float = field(default_factory=time.monotonic)
    last: Reading | None = None
    news: list[str] = field(default_factory=list)

    def look(self, note: str = "") -> None:
        """Take care of the processes, read their figures, show them."""
        keeper = self.system.keeper
        self.news += keeper.look(time.monotonic())
        reading = self.watch.read(self.system.watched)
        scene = Scene(
            seconds=reading.at - self.began,
            note=note,
            figures=figures(reading, self.last or reading),
            pids=keeper.pids(),
            news=tuple(self.news),
        )
        self.last = reading
        self.view.show(scene)

    def until(self, is_over: Callable[[], bool], stop: threading.Event, note: str = "") -> None:
        """Look once a second until it is over or somebody stops it."""
        while not stop.wait(max(0.0, self.due - time.monotonic())) and not is_over():
            self.look(note)
            self.due = max(self.due + TICK_S, time.monotonic())


def run(options: Options, environ: dict[str, str], console: Console) -> int:
    """The whole run; returns the exit status. Raises `PartError`, `StoreError` when it cannot be set up."""
    wish = Wish()
    began = time.monotonic()
    with running(options, environ, lambda line: _say(console, line)) as system:
        wish.listen()  # only now: a Ctrl-C during the set-up simply ends it
        _say(console, f"ready after {time.monotonic() - began:.1f} s; logs are in {options.data / 'logs'}")
        verdict = _serve(system, wish, console)
        failures = system.keeper.failures
    if verdict:
        summary.show(console, verdict)
    return summary.conclude(console, verdict, failures)


def _serve(system: System, wish: Wish, console: Console) -> summary.Verdict | None:
    watch = Watch()
    try:
        with view_for(console) as view:
            show = Show(system, view, watch)
            if system.is_simulated:
                return _simulated(show, wish)
            _say(console, instructions(system.setting))
            show.until(_after(system.setting.options.for_s), wish.end)
            return None
    finally:
        watch.close()


def _simulated(show: Show, wish: Wish) -> summary.Verdict:
    system, options = show.system, show.system.setting.options
    system.set_traffic(options.customers_per_s)
    time_is_up, judge_is_gone = _after(options.for_s), _judge_is_gone(system)
    show.until(lambda: time_is_up() or judge_is_gone(), wish.end)
    if judge_is_gone():
        raise PartError("the simulator ended, and with it the record by which this run is judged; start again")
    system.set_traffic(0)
    patience_is_up = _after(DRAIN_MAX_S)
    show.until(
        lambda: patience_is_up() or _nobody_waits(system), wish.at_once, "no new customers, serving those who wait"
    )
    return system.simulator("GET", "verdict", timeout_s=VERDICT_TIMEOUT_S)


def _nobody_waits(system: System) -> bool:
    return system.simulator("GET", "state")["waiting"] == 0


def _judge_is_gone(system: System) -> Callable[[], bool]:
    return lambda: system.keeper.is_down("simulator")


def _after(seconds: float | None) -> Callable[[], bool]:
    end = time.monotonic() + seconds if seconds is not None else None
    return lambda: end is not None and time.monotonic() >= end


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
