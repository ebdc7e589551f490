"""Curves of a round: by backlog, by agents, and by apps."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count as numbers

import plan as plans
from draw import Panel, Point, Series, logarithmic, proportional, the_same
from measure import say
from quick import Calls, one_round
from rig import APP, TUNING, Platform, Rig, Stores, fill, stores, waiting
from spent import Spent, begun, counted, ended, rounds_until, spent

from allocator.core.ids import AppId
from allocator.core.plan import plan

BACKLOGS = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
AGENTS = (10, 100, 1_000, 10_000)
HEADS = (10, 100, 1_000, 10_000)
APPS = (1, 10, 100, 1_000)
TEN = 10
AGO_S = 3_600.0
Theory = Callable[[str, Sequence[Point]], Series]
ONE_EACH = {"capacity": {"default": 1}}
AT_ONCE = replace(TUNING, calls_max=100_000)
"""All slots are given out in the first round, so that the others need not be waited for."""


def backlog() -> Sequence[Panel]:
    """A round in which one customer leaves and one comes, by how many wait."""
    with stores() as made, asyncio.Runner() as runner:
        found = [(float(many), runner.run(_of_backlog(made, many))) for many in BACKLOGS]
    across = "customers who wait"
    return [
        Panel("Statements of a round", across, [the_same("statements", _of(found, lambda one: one.statements))]),
        Panel("Calls of functions of a round", across, [the_same("calls", _of(found, lambda one: one.calls))]),
        Panel("CPU of a round, ms", across, _cpu(found, the_same, logarithmic)),
    ]


def agents() -> Sequence[Panel]:
    """A plan by agents and by heads, and the same round as above by agents."""
    with stores() as made, asyncio.Runner() as runner:
        found = [(float(many), runner.run(_of_agents(made, many))) for many in AGENTS]
    by_agents = [(float(many), _plan_calls(many, 1_000)) for many in AGENTS]
    by_heads = [(float(many), _plan_calls(100, many)) for many in HEADS]
    return [
        Panel("Calls of plan(), 1,000 heads", "agents", [proportional("calls", by_agents)], powers=True),
        Panel("Calls of plan(), 100 agents", "heads", [the_same("calls", by_heads, -1)]),
        Panel(
            "CPU of a round, ms",
            "agents, all but one of them full",
            _cpu(found, proportional, proportional),
            powers=True,
        ),
    ]


def apps() -> Sequence[Panel]:
    """A round by apps: in silence, with one of them busy, with somebody waiting in each."""
    with stores() as made, asyncio.Runner() as runner:
        found = [(float(many), runner.run(_of_apps(made, many))) for many in APPS]
    silent, busy, all_wait = ([(x, kinds[place]) for x, kinds in found] for place in range(3))
    return [
        Panel(
            title,
            "apps",
            [
                the_same("one is busy", [(x, one[which]) for x, one in busy]),
                the_same("silence", [(x, one[which]) for x, one in silent]),
                proportional("some wait in each", [(x, one[which]) for x, one in all_wait]),
            ],
            powers=True,
        )
        for which, title in enumerate(("Statements of a round", "Calls of functions of a round"))
    ]


def _of(found: Sequence[tuple[float, Spent]], what: Callable[[Spent], float]) -> list[Point]:
    return [(x, what(one)) for x, one in found]


def _cpu(found: Sequence[tuple[float, Spent]], ours: Theory, theirs: Theory) -> list[Series]:
    return [
        ours("ours", _of(found, lambda one: one.ours_ms)),
        theirs("Postgres", _of(found, lambda one: one.theirs_ms)),
    ]


async def _of_backlog(made: Stores, many: int) -> Spent:
    say(f"{many:,} who wait")
    rig = Rig(made, await made.new_database(f"waiting_{many}"), f"w{many}", Platform(TEN, 0.0), ONE_EACH)
    await fill(rig.database_url, APP, many, AGO_S)
    return await _shift(rig, TEN)


async def _of_agents(made: Stores, many: int) -> Spent:
    say(f"{many:,} agents")
    url, platform = await made.new_database(f"agents_{many}"), Platform(many, 0.0)
    rig = Rig(made, url, f"a{many}", platform, ONE_EACH, tuning=AT_ONCE)
    await fill(rig.database_url, APP, many + TEN, AGO_S)
    return await _shift(rig, many)


async def _shift(rig: Rig, slots: int) -> Spent:
    """All slots are taken; then one customer leaves and one comes before each round."""
    await begun(rig)
    await rounds_until(rig, lambda: len(rig.platform.assigned) >= slots)
    leave = _leaving(rig)
    for _ in range(TEN):
        next(leave)
        await one_round(rig)
    found = await spent(rig, lambda: next(leave))
    await ended(rig)
    return found


def _leaving(rig: Rig) -> Iterator[None]:
    for number in numbers():
        rig.resolve(rig.platform.assigned[number])
        rig.send(waiting(10_000_000 + number))
        yield


def _plan_calls(many: int, heads: int) -> float:
    snapshot = plans.snapshot(plans.BUDGET, many, heads)
    with Calls() as calls:
        plan(snapshot)
    return float(calls.count)


async def _of_apps(made: Stores, many: int) -> tuple[Point, Point, Point]:
    """Statements and calls of a round: in silence, with one app busy, with somebody waiting in each."""
    say(f"{many:,} apps")
    others = {AppId(f"app-{number}"): Platform(1, 0.0) for number in range(1, many)}
    url = await made.new_database(f"apps_{many}")
    rig = Rig(made, url, f"p{many}", Platform(1, 0.0), ONE_EACH, others=others)
    tick = rig.leader._tick  # noqa: SLF001 - rounds by hand
    await begun(rig)
    await counted(rig, tick, TEN)  # the first one sweeps
    silent = await counted(rig, tick, TEN)
    await fill(rig.database_url, APP, 100, AGO_S)
    rig.send(waiting(1))
    await rounds_until(rig, lambda: bool(rig.platform.assigned))
    leave = _leaving(rig)
    await counted(rig, lambda: next(leave), TEN)
    busy = await counted(rig, lambda: next(leave), TEN)
    for number, app in enumerate(others, 1):
        rig.send(*(waiting(20_000_000 + 10 * number + one, app=app) for one in range(2)))
    await rounds_until(rig, lambda: all(one.assigned for one in others.values()))
    await counted(rig, tick, 3)
    all_wait = await counted(rig, tick, 3)
    await ended(rig)
    return silent, busy, all_wait
