"""Deciding: figures 6, 7, 10, 11, 15 and 16."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

import plan as plans
from baselines.orm import Orm
from measure import Effort, Figure, Result, alternating, middle, ratios, say
from rig import APP, Platform, Rig, Stores, fill, stores, waiting

from allocator.core.plan import plan

T = TypeVar("T")
AGENTS = 1_000
CAPACITY = 20
SPEC = {"capacity": {"default": CAPACITY}}
CROWD = 3_000
ONE_BY_ONE = 150
FEW, MANY = 10, 1_000_000
CYCLES = 40
BACKLOG_AGO_S = 3_600.0
SHIFT = 10
LONG, STEADY = 100_000, 5_000
LEAVE_S = 0.02
FLIGHT, LATENCY_S = 32, 0.05


class Bench:
    """Stores, and names that are used once."""

    def __init__(self, made: Stores, loop: asyncio.AbstractEventLoop) -> None:
        self.stores, self._loop, self._count = made, loop, 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """In the one loop that all of it has."""
        return self._loop.run_until_complete(work)

    async def rig(self, *, agents: int = AGENTS, answers_after_s: float = 0.0, spec: Any = None) -> Rig:
        """On a database and streams of its own."""
        self._count += 1
        url = await self.stores.new_database(f"bench_{self._count}")
        platform = Platform(agents, answers_after_s)
        return Rig(self.stores, url, f"bench{self._count}", platform, spec or SPEC)

    async def orm(self) -> Orm:
        """The baseline, on a database of its own."""
        self._count += 1
        made = Orm(self.stores.postgres.create_database(f"bench_{self._count}"), AGENTS, CAPACITY)
        await made.prepare()
        return made


def rate(effort: Effort) -> Sequence[Result]:
    """Figures 6, 7 and 11: assignments a second, and how many transactions each takes."""
    shares: list[float] = []
    with stores() as made, asyncio.Runner() as runner:
        bench = Bench(made, runner.get_loop())
        ours, theirs = alternating(
            effort.turns,
            lambda: bench.run(_crowd(bench, CROWD, 0.0, shares)),
            lambda: bench.run(_one_by_one(bench)),
        )
        (slow,) = alternating(effort.turns, lambda: bench.run(_crowd(bench, CROWD // 3, LATENCY_S, [])))
    most = FLIGHT / LATENCY_S
    return [
        Result(
            number="6",
            figure="assignments/s, the platform answers in 50 ms (64 in flight)",
            baseline="32 ÷ 50 ms",
            target=0.75,
            at_least=True,
            unit=" ×",
            values=[one / most for one in slow],
            ours=middle(slow, "/s"),
            theirs=f"{most:.0f}/s",
        ),
        Result(
            number="7",
            figure="assignments/s, the platform at 0 ms",
            baseline="one after another, an ORM unit of work for each step",
            target=8.0,
            at_least=True,
            unit=" ×",
            values=ratios(ours, theirs),
            ours=middle(ours, "/s"),
            theirs=middle(theirs, "/s"),
        ),
        Result(
            number="11",
            figure="transactions of Postgres for each assignment, at saturation",
            baseline="a transaction for each of three steps",
            target=0.1,
            at_least=False,
            unit=" ×",
            values=[share / 3 for share in shares],
            ours=middle(shares),
            theirs="3",
        ),
    ]


async def _crowd(bench: Bench, count: int, answers_after_s: float, shares: list[float]) -> float:
    """Assignments a second while ``count`` wait who came at once."""
    rig = await bench.rig(answers_after_s=answers_after_s)
    rig.send(*map(waiting, range(count)))
    before, began = rig.ledger.transactions, time.perf_counter()
    async with rig.leading():
        await rig.platform.until(count)
        took = time.perf_counter() - began
    shares.append((rig.ledger.transactions - before) / count)
    await rig.close()
    return count / took


async def _one_by_one(bench: Bench) -> float:
    orm = await bench.orm()
    began = time.perf_counter()
    await orm.serve(map(str, range(ONE_BY_ONE)))
    took = time.perf_counter() - began
    await orm.close()
    return ONE_BY_ONE / took


class _Shift:
    """A backlog that stays: for each customer who is served to the end, one comes."""

    def __init__(self, bench: Bench, rig: Rig) -> None:
        self._bench, self.rig, self._next, self._seen = bench, rig, 10_000_000, 0
        self.statements: list[float] = []

    def __call__(self) -> float:
        """Seconds of CPU, ours and Postgres', for each round of some."""
        return self._bench.run(self._work())

    async def _work(self) -> float:
        rig, made = self.rig, self._bench.stores
        counted, worked, theirs = rig.ledger.statements, time.process_time(), made.postgres_cpu_s()
        rounds = 0
        for _ in range(CYCLES):
            rooms = rig.platform.assigned[self._seen : self._seen + SHIFT]
            self._seen += len(rooms)
            rig.resolve(*rooms)
            rig.send(*(waiting(self._next + n) for n in range(SHIFT)))
            self._next += SHIFT
            rounds += await self._until(self._seen + SHIFT)
        self.statements.append((rig.ledger.statements - counted) / rounds)
        return (time.process_time() - worked + made.postgres_cpu_s() - theirs) / rounds

    async def _until(self, count: int) -> int:
        """Rounds until so many were assigned."""
        before = self.rig.ledger.transactions
        await asyncio.wait_for(self.rig.platform.until(count), 60.0)
        await asyncio.sleep(0.005)  # what came back is written down
        return max(1, self.rig.ledger.transactions - before)


def backlog(effort: Effort) -> Sequence[Result]:
    """Figure 10: what a round costs with a million waiting, and with ten."""
    with stores() as made, asyncio.Runner() as runner:
        bench = Bench(made, runner.get_loop())
        shifts = [_Shift(bench, bench.run(_with_backlog(bench, count))) for count in (MANY, FEW)]
        tasks = [bench.run(_start(shift.rig)) for shift in shifts]
        for shift in shifts:
            shift()  # warm
            shift.statements.clear()
        many, few = alternating(effort.turns, *shifts)
        for shift, task in zip(shifts, tasks, strict=True):
            bench.run(_end(shift.rig, task))
    words = [
        f"{middle(side, ' ms', 1000)} of CPU, {middle(shift.statements)} statements a round"
        for side, shift in zip((many, few), shifts, strict=True)
    ]
    return [
        Result(
            number="10",
            figure="cost of a round with 1,000,000 waiting (CPU of ours and of Postgres)",
            baseline="with 10 waiting",
            target=1.3,
            at_least=False,
            unit=" ×",
            values=ratios(many, few),
            ours=words[0],
            theirs=words[1],
        )
    ]


async def _with_backlog(bench: Bench, count: int) -> Rig:
    say(f"a backlog of {count:,}")
    rig = await bench.rig(agents=SHIFT, spec={"capacity": {"default": 1}})
    await fill(rig.database_url, APP, count, BACKLOG_AGO_S)
    return rig


async def _start(rig: Rig) -> asyncio.Task[None]:
    task = asyncio.create_task(rig.leader.run())
    await asyncio.wait_for(rig.platform.until(SHIFT), 60.0)
    return task


async def _end(rig: Rig, task: asyncio.Task[None]) -> None:
    rig.leader.stop()
    await task
    await rig.leader.close()
    await rig.close()


def drained(_effort: Effort) -> Sequence[Result]:
    """Figure 16: whether a long backlog is served as fast as a short one; who is served leaves at once."""
    with stores() as made, asyncio.Runner() as runner:
        bench = Bench(made, runner.get_loop())
        before = bench.run(_drain(bench, STEADY))
        long = bench.run(_drain(bench, LONG))
        after = bench.run(_drain(bench, STEADY))
    steady = [before, after]
    return [
        Result(
            number="16",
            figure=f"{LONG:,} waiting drained to the last, assignments/s",
            baseline=f"{STEADY:,} waiting, before and after",
            target=0.95,
            at_least=True,
            unit=" ×",
            values=[long / rate for rate in steady],
            ours=f"{long:,.0f}/s",
            theirs=middle(steady, "/s"),
        )
    ]


async def _drain(bench: Bench, count: int) -> float:
    """Assignments a second from the first to the last of ``count`` who wait in the ledger."""
    say(f"a backlog of {count:,}")
    rig = await bench.rig()
    await fill(rig.database_url, APP, count, BACKLOG_AGO_S)
    async with rig.leading():
        leaving = asyncio.create_task(_leave(rig))
        await rig.platform.until(count)
        leaving.cancel()
    called = rig.platform.called
    await rig.close()
    return count / (called[-1] - called[0])


async def _leave(rig: Rig) -> None:
    """Whoever is served resolves, as their webhooks would say it."""
    gone = 0
    while True:
        rooms = rig.platform.assigned[gone:]
        rig.resolve(*rooms)
        gone += len(rooms)
        await asyncio.sleep(LEAVE_S)


def planning(effort: Effort) -> Sequence[Result]:
    """Figure 15: one plan, 1,000 agents, 10,000 heads, every field of the policy."""
    snapshot = plans.snapshot(plans.BUDGET)
    (took,) = alternating(effort.turns, partial(_fastest_plan_ms, snapshot))
    return [
        Result(
            number="15",
            figure="plan(): 1,000 agents, 10,000 heads, every field of the policy, 64 calls at most",
            baseline="–",
            target=20.0,
            at_least=False,
            unit=" ms",
            values=took,
            ours=middle(took, " ms"),
            theirs="–",
        )
    ]


def _fastest_plan_ms(snapshot: Any) -> float:
    took = []
    for _ in range(10):
        began = time.process_time()
        plan(snapshot)
        took.append(1000 * (time.process_time() - began))
    return min(took)


FIGURES = [
    Figure(numbers=["6", "7", "11"], about_s=60, measure=rate),
    Figure(numbers=["10"], about_s=80, measure=backlog),
    Figure(numbers=["16"], about_s=150, measure=drained),
    Figure(numbers=["15"], about_s=5, measure=planning),
]
