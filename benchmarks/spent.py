"""What rounds take that are made one by one: statements, calls of functions, seconds on a core.

Counts are medians of rounds that are all alike, so a roster that had to be read anew in one of them does not show.
Seconds are those of the cheapest of some turns: what else the machine does can only add to them.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg
from quick import Calls, one_round
from rig import Rig, cpu_s

COUNTED = 10
TURNS, ROUNDS_A_TURN = 4, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """By one round."""

    statements: float
    calls: float
    ours_ms: float
    theirs_ms: float
    """Of the process of Postgres that serves us."""


async def begun(rig: Rig) -> None:
    """Begin a term."""
    await rig.leader._begin_term(rig.ledger.begin_term, rig.leader._recover)  # noqa: SLF001 - rounds by hand


async def ended(rig: Rig) -> None:
    """Close what is open."""
    await rig.leader.close()
    await rig.close()


async def rounds_until(rig: Rig, is_so: Callable[[], bool]) -> None:
    """Rounds, one after another."""
    while not is_so():
        await one_round(rig)


async def spent(rig: Rig, happens: Callable[[], None]) -> Spent:
    """By rounds before each of which ``happens`` is called."""
    statements, calls = await counted(rig, happens, COUNTED)
    servers = await _servers(rig)
    ours, theirs = [], []
    for _ in range(TURNS):
        mine, other = 0.0, 0.0
        for _ in range(ROUNDS_A_TURN):
            happens()
            began, served = time.process_time(), sum(map(cpu_s, servers))
            await one_round(rig)
            mine += time.process_time() - began
            other += sum(map(cpu_s, servers)) - served
        ours.append(1000 * mine / ROUNDS_A_TURN)
        theirs.append(1000 * other / ROUNDS_A_TURN)
    return Spent(statements=statements, calls=calls, ours_ms=min(ours), theirs_ms=min(theirs))


async def counted(rig: Rig, happens: Callable[[], None], rounds: int) -> tuple[float, float]:
    """Statements and calls of functions of a round."""
    statements, calls = [], []
    for _ in range(rounds):
        happens()
        before = rig.ledger.statements
        with Calls() as seen:
            await one_round(rig)
        statements.append(rig.ledger.statements - before)
        calls.append(seen.count)
    return float(statistics.median(statements)), float(statistics.median(calls))


async def _servers(rig: Rig) -> list[int]:
    """The processes of Postgres in which our statements are worked on."""
    connection = await asyncpg.connect(rig.database_url)
    found = await connection.fetch(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    await connection.close()
    return [row["pid"] for row in found]
