"""The way in: figures 1 to 5, 14, 17a and 20a."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from load import Load
from measure import Effort, Figure, Result, Unmeasured, alternating, middle, ratios, say, seconds_of
from served import BARE, FASTAPI, GATEWAY, LITESTAR, Server, redis, served

CONNECTIONS = 64
SLOW_SYNC_S = 0.02
PEAK_CONNECTIONS = 512
STORM_CONNECTIONS = 2_000
"""More than wait for an answer at the peak, fewer than the gateway takes (4,096)."""
STORM = 3.0
NARROW = {"ANTRE_BATCH_MAX": "20", "ANTRE_PENDING_MAX": "200"}
NARROW_CONNECTIONS = 100
"""Enough for full batches, too few to be refused."""
"""Bounds within which a slow disk, not the gateway's core, is what limits: what is beyond is refused."""
CALM = 0.6
STARTS = 5
IMPORTS = "import webhook_gateway.__main__"


class _Accepted:
    """Accepted webhooks a second of one server, and what was seen beside it."""

    def __init__(self, server: Server, effort: Effort) -> None:
        self._server, self._seconds = server, effort.seconds
        self.loads: list[Load] = []

    def __call__(self) -> float:
        load = self._server.load(self._seconds, CONNECTIONS)
        self.loads.append(load)
        return load.per_s


@contextmanager
def _all(*kinds: str, sync_s: float = 0.0, **env: str) -> Iterator[list[Server]]:
    """Before one Redis, whose syncs take so much longer."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="antre-bench-")))
        store = stack.enter_context(redis(folder, sync_s))
        yield [stack.enter_context(served(kind, store.url, folder, **env)) for kind in kinds]


def accepted(effort: Effort) -> Sequence[Result]:
    """Figures 1, 2, 3 and the gateway's part of 17."""
    with _all(GATEWAY, LITESTAR, FASTAPI, BARE) as servers:
        for server in servers:
            server.load(1.0)  # warm
        sides, before_s = [_Accepted(server, effort) for server in servers], servers[0].cpu_s
        ours, *others = alternating(effort.turns, *sides)
        memory = servers[0].memory_mb
        cpu_us = 1e6 * (servers[0].cpu_s - before_s) / sum(load.statuses.get("200", 0) for load in sides[0].loads)
    busiest = max(load.busy for side in sides for load in side.loads)
    say(f"gateway: {cpu_us:.0f} us of CPU a webhook; the generator was on a core {busiest:.0%} of its time at most")
    bases = [("1", "Litestar, one Redis call a request", 2.5), ("2", "FastAPI, one Redis call a request", 4.5)]
    bases.append(("3", "a bare ASGI 200", 0.4))
    return [
        *(
            Result(
                number=number,
                figure="webhooks accepted durably, 64 connections",
                baseline=name,
                target=target,
                at_least=True,
                unit=" ×",
                values=ratios(ours, theirs),
                ours=middle(ours, "/s"),
                theirs=middle(theirs, "/s"),
            )
            for (number, name, target), theirs in zip(bases, others, strict=True)
        ),
        Result(
            number="17a",
            figure="memory of the gateway under 1",
            baseline="–",
            target=80.0,
            at_least=False,
            unit=" MB",
            values=[memory],
            ours=f"{cpu_us:.0f} µs of CPU a webhook",
            theirs="–",
        ),
    ]


def calm(effort: Effort) -> Sequence[Result]:
    """Figure 4: how long the slowest hundredth waits at 60 % of the gateway's peak, and at the same rate there."""
    with _all(GATEWAY, LITESTAR) as (ours, theirs):
        rate = CALM * ours.load(effort.seconds).per_s
        sides = [partial(_p99, server, effort, rate) for server in (ours, theirs)]
        mine, others = alternating(effort.turns, *sides)
    return [
        Result(
            number="4",
            figure="p99 at 60 % of its own peak",
            baseline="Litestar, one call, at the same rate",
            target=0.25,
            at_least=False,
            unit=" ×",
            values=ratios(mine, others),
            ours=middle(mine, " ms", 1000) + f" at {rate:,.0f}/s",
            theirs=middle(others, " ms", 1000),
        )
    ]


def _p99(server: Server, effort: Effort, rate: float) -> float:
    return server.load(effort.seconds, CONNECTIONS, rate).p99_s


def slow_disk(effort: Effort) -> Sequence[Result]:
    """Figure 5: webhooks accepted while each sync of Redis to its disk takes 20 ms longer."""
    with _all(GATEWAY, LITESTAR, sync_s=SLOW_SYNC_S) as servers:
        for server in servers:
            server.load(1.0)  # warm
        ours, theirs = alternating(effort.turns, *(_Accepted(server, effort) for server in servers))
    return [
        Result(
            number="5",
            figure="webhooks accepted durably, 64 connections, each sync takes 20 ms longer",
            baseline="Litestar, one Redis call a request, the same disk",
            target=1.5,
            at_least=True,
            unit=" ×",
            values=ratios(ours, theirs),
            ours=middle(ours, "/s"),
            theirs=middle(theirs, "/s"),
        )
    ]


def storm(effort: Effort) -> Sequence[Result | Unmeasured]:
    """Figure 14: three times the load of its own peak, by 2,000 connections; and what is refused, how fast."""
    with _all(GATEWAY) as (server,):
        peaks, storms = _storms(server, effort, PEAK_CONNECTIONS)
    with _all(GATEWAY, sync_s=SLOW_SYNC_S, **NARROW) as (server,):
        narrow_peaks, narrow = _storms(server, effort, NARROW_CONNECTIONS)
    return [
        Result(
            number="14a",
            figure="goodput at three times the peak load, 2,000 connections",
            baseline="own peak",
            target=0.9,
            at_least=True,
            unit=" ×",
            values=ratios([load.per_s for load in storms], peaks),
            ours=_goodput(storms),
            theirs=middle(peaks, "/s"),
        ),
        Result(
            number="14b",
            figure="the same where a slow disk is what limits, and the rest is refused",
            baseline="own peak",
            target=0.9,
            at_least=True,
            unit=" ×",
            values=ratios([load.per_s for load in narrow], narrow_peaks),
            ours=_goodput(narrow),
            theirs=middle(narrow_peaks, "/s"),
        ),
        _refusals(narrow),
    ]


def _refusals(loads: Sequence[Load]) -> Result | Unmeasured:
    """How long those who were refused waited for it."""
    figure = "p99 of the refusals of 14b, from when the webhook was due"
    refused = [sum(count for status, count in load.statuses.items() if status != "200") for load in loads]
    if not all(refused):
        return Unmeasured(number="14c", figure=figure, why="nothing was refused: the disk was not what limits")
    return Result(
        number="14c",
        figure=figure,
        baseline="–",
        target=20.0,
        at_least=False,
        unit=" ms",
        values=[1000 * load.refused_p99_s for load in loads],
        ours=f"{middle([count / load.seconds for count, load in zip(refused, loads, strict=True)], '/s')} refused",
        theirs="–",
    )


def _storms(server: Server, effort: Effort, connections: int) -> tuple[list[float], list[Load]]:
    """Its peak and what comes of three times as much, in turns."""
    server.load(1.0)
    peaks: list[float] = []
    loads: list[Load] = []
    for _ in range(min(effort.turns, 3)):
        peaks.append(server.load(effort.seconds, connections).per_s)
        loads.append(server.load(effort.seconds, STORM_CONNECTIONS, STORM * peaks[-1]))
    return peaks, loads


def _goodput(loads: Sequence[Load]) -> str:
    others = {status for load in loads for status in load.statuses} - {"200"}
    p99 = middle([load.p99_s for load in loads], " ms", 1000)
    told = f"others answered {', '.join(sorted(others))}" if others else "none refused"
    return f"{middle([load.per_s for load in loads], '/s')}, accepted with p99 {p99}, {told}"


def start(_effort: Effort) -> Sequence[Result]:
    """Figure 20, the gateway's part: from its start until it is ready, Redis warm."""
    took = []
    for _ in range(STARTS):
        with _all(GATEWAY) as (server,):
            took.append(server.start_s)
    imports = [seconds_of(IMPORTS) for _ in range(STARTS)]
    return [
        Result(
            number="20a",
            figure="start to ready, gateway, Redis warm",
            baseline="–",
            target=1.0,
            at_least=False,
            unit=" s",
            values=took,
            ours=f"{middle(took, ' s')}, of which {middle(imports, ' s')} the interpreter and imports",
            theirs="–",
        )
    ]


FIGURES = [
    Figure(numbers=["1", "2", "3", "17a"], about_s=80, measure=accepted),
    Figure(numbers=["4"], about_s=45, measure=calm),
    Figure(numbers=["5"], about_s=45, measure=slow_disk),
    Figure(numbers=["14a", "14b", "14c"], about_s=60, measure=storm),
    Figure(numbers=["20a"], about_s=15, measure=start),
]
