"""Keeps processes running: sees that one died, says how, and starts it again as Kubernetes would."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from one_machine.parts import BIN, Part
from one_machine.spawn import spawn
from one_machine.store import Store

RESTART_AFTER_S = 1.5
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 8.0
POLL_S = 0.05

# Signals that a process gets for its own mistakes; all others were sent by somebody.
CRASHES = frozenset(
    {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGSYS, signal.SIGTRAP}
)
ASKED_TO_END = frozenset({0, 128 + signal.SIGINT, 128 + signal.SIGTERM})


class PartError(RuntimeError):
    """A part did not come up; the message says why and where to look."""


@dataclass(slots=True, kw_only=True)
class Kept:
    """A process that is kept running. `down_since` is on the monotonic clock, `None` while it runs."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes]
    down_since: float | None = None


@dataclass(slots=True)
class Keeper:
    """All processes of this run. `failures` are the ends that nobody from outside caused."""

    logs: Path
    kept: list[Kept] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def keep_store(self, store: Store) -> None:
        """Keep a store that runs already."""
        self.kept.append(Kept(name=store.name, start=lambda: store.start().process, process=store.process))

    def start(self, part: Part) -> None:
        """Start a part; `wait_ready` says when it works."""
        log = self.logs / f"{part.name}.log"

        def start() -> subprocess.Popen[bytes]:
            return spawn([BIN / part.command[0], *part.command[1:]], env=part.env, log=log)

        self.kept.append(Kept(name=part.name, start=start, process=start()))

    def wait_ready(self, part: Part) -> None:
        """Wait until a started part works. Raises `PartError` with the end of its log."""
        process = self._named(part.name).process
        until = time.monotonic() + READY_TIMEOUT_S
        # The process first: another one may have got the port, and answers in place of ours.
        while process.poll() is None:
            if answers(part.ready_url) and process.poll() is None:
                return
            if time.monotonic() > until:
                raise PartError(f"{part.name} is not ready after {READY_TIMEOUT_S:.0f} s; {self._log_end(part.name)}")
            time.sleep(POLL_S)
        raise PartError(f"{part.name} ended with {process.returncode}; {self._log_end(part.name)}")

    def run(self, part: Part) -> None:
        """Run a part that ends by itself. Raises `PartError` when it does not end well."""
        log = self.logs / f"{part.name}.log"
        status = spawn([BIN / part.command[0], *part.command[1:]], env=part.env, log=log).wait()
        if status != 0:
            raise PartError(f"{part.name} ended with {status}; {self._log_end(part.name)}")

    def look(self, now: float) -> list[str]:
        """Notice who died, start again who has been down long enough, and say so in sentences."""
        return [sentence for each in self.kept if (sentence := self._look_at(each, now))]

    def is_down(self, name: str) -> bool:
        """Whether the process is not running now."""
        return self._named(name).process.poll() is not None

    def pids(self) -> dict[str, int | None]:
        """The process numbers, `None` for what is down."""
        return {each.name: each.process.pid if each.process.poll() is None else None for each in self.kept}

    def stop(self, names: Sequence[str]) -> None:
        """SIGTERM to all of these at once, and SIGKILL to who does not follow in time."""
        leaving = [each for each in self.kept if each.name in names]
        self.kept = [each for each in self.kept if each.name not in names]
        for each in leaving:
            with contextlib.suppress(ProcessLookupError):
                each.process.terminate()
        until = time.monotonic() + STOP_TIMEOUT_S
        for each in leaving:
            if not _ended(each.process, until - time.monotonic()):
                each.process.kill()
                self.failures.append(f"{each.name} did not end within {STOP_TIMEOUT_S:.0f} s of SIGTERM")

    def _look_at(self, each: Kept, now: float) -> str | None:
        status = each.process.poll()
        if status is None:
            return None
        if each.down_since is None:
            each.down_since = now
            return self._died(each, status)
        if now - each.down_since < RESTART_AFTER_S:
            return None
        each.process, each.down_since = each.start(), None
        return f"{each.name} was started again, now pid {each.process.pid}"

    def _died(self, each: Kept, status: int) -> str:
        sentence = f"{each.name} (pid {each.process.pid}) {how_it_ended(status)}"
        if not was_told(status):
            self.failures.append(f"{sentence}; {self._log_end(each.name)}")
        return sentence

    def _named(self, name: str) -> Kept:
        return next(each for each in self.kept if each.name == name)

    def _log_end(self, name: str) -> str:
        log = self.logs / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines()[-8:] if log.exists() else []
        return "\n    ".join([f"the end of {log}:", *lines])


def was_told(status: int) -> bool:
    """Whether somebody ended the process, and not a mistake of its own."""
    return status in ASKED_TO_END or (status < 0 and -status not in CRASHES)


def how_it_ended(status: int) -> str:
    """The end of a process in words."""
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended by itself with status {status}"


def answers(address: str) -> bool:
    """Whether the address answers 200."""
    try:
        return httpx.get(address, timeout=1.0, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _ended(process: subprocess.Popen[bytes], within_s: float) -> bool:
    try:
        process.wait(max(0.0, within_s))
    except subprocess.TimeoutExpired:
        return False
    return True
