"""How long a plan takes that uses every field of the policy: 1,000 agents, 10,000 heads in eight lanes.

    .venv/bin/python benchmarks/plan.py

A plan that gives out what a round may (64 assignments under way) and one without that limit, each as a ratio to a
yardstick that is measured in the same run: to put the heads in order and to look at each lane's agents once, which no
plan can do without. The ratio can be compared between machines, the milliseconds cannot.
"""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from allocator.core.ids import AgentId, Lane, SessionId
from allocator.core.plan import Head, Snapshot, plan
from allocator.core.policy import compile_spec
from allocator.core.roster import Load, Roster, Seen

AGENTS, HEADS, ROUNDS = 1_000, 10_000, 50
BUDGET = 64
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
LANES = ["wa:3221", "wa", "ig", "fb", "line", "telegram", "qiscus", "ceria"]
SPEC = {
    "capacity": {
        "default": 2,
        "total": 100_000,
        "agents": [{"id": 7, "max": 5}, {"email": "agent9@example.com", "max": 1}],
        "divisions": [{"name": "Sales", "max": 4}, {"name": "Premium", "max": 3}],
        "channels": [{"source": "wa", "max": 2}, {"channelId": 3221, "max": 1}],
    },
    "eligibility": [
        {"when": {"sources": ["wa"], "channelIds": [3221]}, "divisions": ["Sales", "Premium"]},
        {"when": {"sources": ["ig", "fb"]}, "agents": list(range(1, 501))},
        {"when": {"sources": ["line"]}, "divisions": ["Support"]},
    ],
    "strategy": ["sticky", "leastLoaded", "longestIdle"],
    "sticky": {"for": "24h", "patience": "10m"},
    "hours": {
        "timezone": "Asia/Jakarta",
        "open": [{"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "from": "08:00", "to": "23:00"}],
        "closed": [{"date": "2026-12-25", "name": "Christmas"}],
    },
}


def main() -> None:
    """Measure and print."""
    full, limited = snapshot(1_000_000), snapshot(BUDGET)
    base = best_of(lambda: yardstick(full))
    print(f"{AGENTS} agents, {HEADS} heads, {len(LANES)} lanes, every field of the policy; best of {ROUNDS}")
    print(f"  yardstick                        {base * 1000:6.1f} ms")
    for name, one in ((f"a plan that may give out {BUDGET}", limited), ("a plan without that limit", full)):
        took = best_of(lambda one=one: plan(one))  # type: ignore[misc]  # mypy does not infer a default's type
        given = len(plan(one).reservations)
        print(f"  {name:<32} {took * 1000:6.1f} ms   {took / base:4.1f} times the yardstick, {given} given out")


def best_of(work: Callable[[], object]) -> float:
    """The seconds of the fastest of many."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def yardstick(one: Snapshot) -> tuple[int, int]:
    """What no plan can do without."""
    heads = sorted((head for line in one.heads.values() for head in line), key=lambda head: head.waiting_since)
    online = [seen.agent for roster in one.rosters.values() for seen in roster.agents if seen.online]
    return len(heads), len(online)


def snapshot(budget: int, agents_count: int = AGENTS, heads_count: int = HEADS) -> Snapshot:
    """The moment, always the same."""
    chance = random.Random(1)
    agents = tuple(_seen(number) for number in range(1, agents_count + 1))
    heads: dict[Lane, list[Head]] = {Lane(lane): [] for lane in LANES}
    for number in range(heads_count):
        lane = Lane(chance.choice(LANES))
        last = AgentId(chance.randint(1, agents_count)) if chance.random() < 0.3 else None  # noqa: PLR2004 - some come back
        since = NOON - timedelta(seconds=3600 - number / 10)
        session = SessionId(f"{number:032x}")
        one = Head(session=session, lane=lane, waiting_since=since, avoid=frozenset(), last_agent=last)
        heads[lane].append(one)
    loads = {
        AgentId(number): Load(
            taken=frozenset(range(1, chance.randint(1, 3))),
            closed=0,
            busy_at=float(chance.randint(0, 1000)),
            by_lane={Lane("wa:3221"): 1},
        )
        for number in range(1, agents_count + 1)
    }
    return Snapshot(
        policy=compile_spec(SPEC, 1),
        at=NOON,
        heads={lane: tuple(line) for lane, line in heads.items()},
        rosters={Lane(lane): Roster(agents=agents, read_at=0.0, uses=None) for lane in LANES},
        awaited=frozenset(),
        loads=loads,
        foreign={AgentId(3): 1},
        gate=None,
        budget=budget,
    )


def _seen(number: int) -> Seen:
    division = ("sales", "premium", "support", "default")[number % 4]
    return Seen(
        agent=AgentId(number),
        online=number % 10 != 0,
        count=0,
        divisions=frozenset({division}),
        email=f"agent{number}@example.com",
    )


if __name__ == "__main__":
    main()
