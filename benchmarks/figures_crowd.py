"""Crowds through all processes, with the simulator as the platform and as the judge: figures 18 and 19."""

from collections.abc import Sequence
from statistics import median

from at_once import Rush, all_at_once
from measure import Effort, Figure, Result, middle, say
from rig import Stores, stores
from whole import cores, must_have_served_well, whole

from support.system import System

WAVES_AGENTS, WAVES_CAPACITY, SERVICE_S = 10, 2, 3.0
CUSTOMERS = 100
LATENCY_S = 0.05
LOSES_NO_TIME_S = (CUSTOMERS / (WAVES_AGENTS * WAVES_CAPACITY) - 1) * SERVICE_S
"""The first wave is served at once, each other one when the one before it has gone."""
CROWD, CROWD_AGENTS, CROWD_CAPACITY = 1_000, 100, 10
ORIGINAL_PER_S = {0.0: 160.0, LATENCY_S: 140.0}
"""What the original service reached on two cores, by the platform's latency; measured once, elsewhere."""


def waves(effort: Effort) -> Sequence[Result]:
    """Figure 18: 100 customers at once for 20 slots, 3 s of service each, the platform answers in 50 ms."""
    shape = {"agents": WAVES_AGENTS, "capacity": WAVES_CAPACITY, "service_s": f"{SERVICE_S}:{SERVICE_S}"}
    took: list[float] = []
    with stores() as made:
        for turn in range(min(effort.turns, 3)):
            with whole(made, f"waves_{turn}", **shape) as system:
                system.faults(latency_s=LATENCY_S)
                took.append(_makespan(system, CUSTOMERS)[0])
                must_have_served_well(system)
            say(f"turn {turn + 1}: {took[-1]:.2f} s")
    return [
        Result(
            number="18",
            figure="100 customers at once, 20 slots, 3 s of service each: first arrival to last assignment",
            baseline="a scheduler that loses no time, 12.0 s",
            target=1.05,
            at_least=False,
            unit=" ×",
            values=[seconds / LOSES_NO_TIME_S for seconds in took],
            ours=f"{middle(took, ' s')}, all served well",
            theirs=f"{LOSES_NO_TIME_S:.1f} s",
        )
    ]


def crowd(effort: Effort) -> Sequence[Result]:
    """Figure 19: 1,000 customers at once for 1,000 free slots, the platform answers in 0 and in 50 ms."""
    turns = min(effort.turns, 3)
    rates: dict[float, list[float]] = {latency_s: [] for latency_s in ORIGINAL_PER_S}
    rushes: list[Rush] = []
    with stores() as made:
        for turn in range(turns):
            for latency_s, found in rates.items():
                took, rush = _crowd(made, f"crowd_{turn}_{1000 * latency_s:.0f}", latency_s)
                found.append(CROWD / took)
                rushes.append(rush)
    return [
        *(_rate(letter, latency_s, rates[latency_s]) for letter, latency_s in zip("ab", rates, strict=True)),
        Result(
            number="19c",
            figure="p99 of their webhooks, from the moment at which all were sent",
            baseline="the original: 16 to 18 s",
            target=0.5,
            at_least=False,
            unit=" s",
            values=[rush.p99_s for rush in rushes],
            ours=f"{middle([rush.p99_s for rush in rushes], ' s')}, {sum(rush.refused for rush in rushes)} refused",
            theirs="16 to 18 s, measured once, elsewhere",
        ),
    ]


def _crowd(made: Stores, name: str, latency_s: float) -> tuple[float, Rush]:
    with whole(made, name, agents=CROWD_AGENTS, capacity=CROWD_CAPACITY) as system:
        system.platform.each("service", service_s=None)
        system.faults(latency_s=latency_s)
        before = cores(system)
        took, rush = _makespan(system, CROWD)
        spent = ", ".join(f"{part} {value - before[part]:.2f}" for part, value in cores(system).items())
        must_have_served_well(system)
    say(f"seconds of a core: {spent}")
    say(f"{name}: {CROWD / took:,.0f}/s, webhooks p99 {rush.p99_s:.2f} s, {rush.refused} refused")
    assert rush.refused == 0, f"{rush.refused} webhooks were refused"
    return took, rush


def _rate(letter: str, latency_s: float, rates: Sequence[float]) -> Result:
    original = ORIGINAL_PER_S[latency_s]
    return Result(
        number=f"19{letter}",
        figure=f"1,000 customers at once, 1,000 free slots, platform at {1000 * latency_s:.0f} ms: assignments/s",
        baseline=f"the original's {original:.0f}/s on two cores, not in this run",
        target=4.0,
        at_least=True,
        unit=" ×",
        values=[rate / original for rate in rates],
        ours=f"{median(rates):,.0f}/s, the simulator on the same cores",
        theirs=f"{original:.0f}/s",
    )


def _makespan(system: System, count: int) -> tuple[float, Rush]:
    """Seconds from the first webhook to the last assignment, and how the webhooks fared."""
    rooms = system.customers(count, source="wa", send=False)
    rush = all_at_once(system.webhook(next(iter(system.apps)), "allocate-agent"), next(iter(system.apps)), rooms)
    system.must_serve(count, since=rush.began_at, within_s=60)
    return float(system.platform.assigned(rush.began_at)[count - 1]["at"]) - rush.began_at, rush


FIGURES = [
    Figure(numbers=["18"], about_s=60, measure=waves),
    Figure(numbers=["19a", "19b", "19c"], about_s=60, measure=crowd),
]
