"""At rest: figures 8 and 9. From an event in the inbox to the request that the platform would see."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from measure import Effort, Figure, Result, ratios, say
from rig import Platform, Rig, stores, waiting

SAMPLES = 60
PINGS = 200
PAUSE_S = 0.02
PATIENCE_S = 10.0


class _Turn(NamedTuple):
    resolves: list[float]
    arrivals: list[float]
    pings: list[float]


def at_rest(effort: Effort) -> Sequence[Result]:
    """Figures 8 and 9: a resolve, or a customer, in the inbox to the next assign call; beside a PING as idle."""
    turns: list[_Turn] = []
    with stores() as made, asyncio.Runner() as runner:
        for turn in range(effort.turns):
            url = runner.run(made.new_database(f"rest_{turn}"))
            full = Rig(made, url, f"full{turn}", Platform(1, 0.0), {"capacity": {"default": 1}})
            pings: list[float] = []
            resolves = runner.run(_each(full, _resolve, pings))
            url = runner.run(made.new_database(f"free_{turn}"))
            free = Rig(made, url, f"free{turn}", Platform(SAMPLES + 10, 0.0), {"capacity": {"default": 10}})
            arrivals = runner.run(_each(free, _arrive, pings))
            turns.append(_Turn(resolves, arrivals, pings))
            say(f"a PING 20 ms after the last: {1e3 * _share(pings, 0.5):.2f} ms, in a row: {_in_a_row(free):.2f} ms")
            runner.run(full.close())
            runner.run(free.close())
            say(f"turn {turn + 1}")
    names = ("8", "a resolve in the inbox → the next assign call"), ("9", "a customer in the inbox → the assign call")
    return [
        _result(number + letter, f"{figure}, idle, {word}", target, share, [(turn[side], turn.pings) for turn in turns])
        for side, (number, figure) in enumerate(names)
        for letter, word, target, share in (("a", "p50", 30.0, 0.5), ("b", "p99", 100.0, 0.99))
    ]


def _result(
    number: str, figure: str, target: float, share: float, turns: Sequence[tuple[list[float], list[float]]]
) -> Result:
    ours = [_share(took, share) for took, _ in turns]
    theirs = [_share(pings, 0.5) for _, pings in turns]
    return Result(
        number=number,
        figure=figure,
        baseline="PING of Redis and back, as idle, p50",
        target=target,
        at_least=False,
        unit=" ×",
        values=ratios(ours, theirs),
        ours=f"{1000 * _share(ours, 0.5):.1f} ms",
        theirs=f"{1000 * _share(theirs, 0.5):.2f} ms",
    )


def _share(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


async def _each(rig: Rig, happens: Callable[[Rig, int], None], pings: list[float]) -> list[float]:
    """Seconds from each of some things that happen to the assign call that follows. Between them a PING each, which
    finds the machine as they do: caches are cold and cores asleep when nothing happened for 20 ms.
    """
    rig.send(waiting(0), waiting(1))
    took = []
    async with rig.leading():
        await asyncio.wait_for(rig.platform.until(1), PATIENCE_S)
        await asyncio.sleep(1.0)  # what a start brings is over
        for number in range(SAMPLES):
            known = len(rig.platform.called)
            began = time.perf_counter()
            happens(rig, number)
            await asyncio.wait_for(rig.platform.until(known + 1), PATIENCE_S)
            took.append(rig.platform.called[known] - began)
            await asyncio.sleep(PAUSE_S)
            pings.append(_ping(rig))
            await asyncio.sleep(PAUSE_S)
    return took


def _resolve(rig: Rig, number: int) -> None:
    """The one who is served goes. Somebody waits already; somebody comes, to wait for the next time."""
    rig.resolve(rig.platform.assigned[-1])
    rig.send(waiting(number + 2))


def _arrive(rig: Rig, number: int) -> None:
    """Somebody comes, and there is room."""
    rig.send(waiting(number + 2))


def _ping(rig: Rig) -> float:
    began = time.perf_counter()
    rig.redis.ping()
    return time.perf_counter() - began


def _in_a_row(rig: Rig) -> float:
    """Milliseconds of one of many PINGs, for whoever wants to compare."""
    return 1e3 * _share([_ping(rig) for _ in range(PINGS)], 0.5)


FIGURES = [Figure(numbers=["8a", "8b", "9a", "9b"], about_s=50, measure=at_rest)]
