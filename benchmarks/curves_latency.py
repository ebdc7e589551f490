"""Curves of assignments by how long the platform takes to answer each call."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from draw import Panel, Point, Series, the_same
from measure import say
from rig import Platform, Rig, Stores, stores, waiting

LATENCIES_MS = (0, 5, 10, 20, 50, 100, 200, 500)
AGENTS, CAPACITY = 1_000, 20
FLIGHT = 64
"""Calls under way, for each app."""
LASTS_S = 3.0
MOST, FEWEST = 3_000, 512
TURNS = 2


@dataclass(frozen=True, slots=True)
class _Crowd:
    per_s: float
    statements: float
    cpu_ms: float
    """The last two for each assignment."""


def latency() -> Sequence[Panel]:
    """Assignments a second, statements and CPU for each, by the platform's latency."""
    with stores() as made, asyncio.Runner() as runner:
        found = [(float(ms), runner.run(_best(made, ms))) for ms in LATENCIES_MS]
    across = "the platform answers after, ms"
    rate = [(ms, one.per_s) for ms, one in found]
    statements = [(ms, one.statements) for ms, one in found]
    cpu = [(ms, one.cpu_ms) for ms, one in found]
    return [
        Panel("Assignments a second", across, [Series("assignments", rate, _theory(rate))]),
        Panel("Statements for each assignment", across, [the_same("statements", statements)]),
        Panel("CPU of ours for each assignment, ms", across, [the_same("ms", cpu)]),
    ]


def _theory(rate: Sequence[Point]) -> list[Point]:
    """As many as a core can do, or as many as the calls under way let through."""
    most = rate[0][1]
    return [(ms, min(most, 1000 * FLIGHT / ms) if ms else most) for ms, _ in rate]


async def _best(made: Stores, ms: int) -> _Crowd:
    """Of some turns: what else the machine does can only make it slower."""
    turns = [await _crowd(made, ms, turn) for turn in range(TURNS)]
    best = max(turns, key=lambda one: one.per_s)
    say(f"{ms} ms: {best.per_s:.0f}/s")
    return _Crowd(best.per_s, min(one.statements for one in turns), min(one.cpu_ms for one in turns))


async def _crowd(made: Stores, ms: int, turn: int) -> _Crowd:
    count = MOST if not ms else max(FEWEST, min(MOST, int(LASTS_S * 1000 * FLIGHT / ms)))
    name = f"latency_{ms}_{turn}"
    platform = Platform(AGENTS, ms / 1000)
    rig = Rig(made, await made.new_database(name), name, platform, {"capacity": {"default": CAPACITY}})
    rig.send(*map(waiting, range(count)))
    statements, worked = rig.ledger.statements, time.process_time()
    async with rig.leading():
        await platform.until(count)
        cpu = time.process_time() - worked
        statements = rig.ledger.statements - statements
    await rig.close()
    took = platform.called[-1] - platform.called[FLIGHT - 1]
    return _Crowd((count - FLIGHT) / took, statements / count, 1000 * cpu / count)
