"""The way in: figures 1 to 5, 14, 17a and 20a."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from load import Load
from measure import Effort, Figure, Result, alternating, middle, ratios, say
from served import BARE, FASTAPI, GATEWAY, LITESTAR, Server, redis, served

CONNECTIONS = 64
STORM_CONNECTIONS = 3 * CONNECTIONS
STORM = 3.0
CALM = 0.6
STARTS = 3


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
def _all(*kinds: str) -> Iterator[list[Server]]:
    """Before one Redis."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="antre-bench-")))
        store = stack.enter_context(redis(folder))
        yield [stack.enter_context(served(kind, store.url, folder)) for kind in kinds]


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


def storm(effort: Effort) -> Sequence[Result]:
    """Figure 14: three times what it can take."""
    with _all(GATEWAY) as (server,):
        server.load(1.0)
        peaks, goods, refusals = [], [], []
        for _ in range(effort.turns):
            peaks.append(server.load(effort.seconds).per_s)
            load = server.load(effort.seconds, STORM_CONNECTIONS, STORM * peaks[-1])
            goods.append(load.per_s)
            refusals.append(load.refused_p99_s)
    told = f"p99 of refusals {middle(refusals, ' ms', 1000)}" if any(refusals) else "none refused"
    return [
        Result(
            number="14",
            figure="goodput at three times the peak load",
            baseline="own peak",
            target=0.9,
            at_least=True,
            unit=" ×",
            values=ratios(goods, peaks),
            ours=f"{middle(goods, '/s')}, {told}",
            theirs=middle(peaks, "/s"),
        )
    ]


def start(_effort: Effort) -> Sequence[Result]:
    """Figure 20, the gateway's part."""
    took = []
    for _ in range(STARTS):
        with _all(GATEWAY) as (server,):
            took.append(server.start_s)
    return [
        Result(
            number="20a",
            figure="start to ready, gateway",
            baseline="–",
            target=1.0,
            at_least=False,
            unit=" s",
            values=took,
            ours=middle(took, " s"),
            theirs="–",
        )
    ]


FIGURES = [
    Figure(numbers=["1", "2", "3", "17a"], measure=accepted),
    Figure(numbers=["4"], measure=calm),
    Figure(numbers=["14"], measure=storm),
    Figure(numbers=["20a"], measure=start),
]
