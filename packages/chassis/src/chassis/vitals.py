"""What every process of ours tells of itself: what it is, what it uses, and how far its event loop is behind."""

import asyncio
import contextlib
import platform
from collections import deque
from collections.abc import AsyncIterator, Callable
from time import monotonic

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

EVERY_S = 0.25
REMEMBERED_S = 15.0
"""The worst of so long is told: whoever scrapes four times a minute misses nothing."""


def introduce(registry: CollectorRegistry, service: str, version: str) -> None:
    """Register the build, and the figures of the process and of Python."""
    # When a counter began is known from its restart; to tell it would double the series.
    disable_created_metrics()  # type: ignore[no-untyped-call] # it has no annotations
    build = Gauge("antre_build_info", "1: what runs here.", ["service", "version", "python"], registry=registry)
    build.labels(service, version, platform.python_version()).set(1)
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)


class LoopLag:
    """By how much the event loop comes later than it should. Is right, and grows, while the loop stands still: what
    scrapes is another thread.
    """

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._due: float | None = None
        self._late: deque[tuple[float, float]] = deque()
        gauge = Gauge(
            "antre_event_loop_lag_seconds",
            f"By how much the event loop was late, at the worst of the last {REMEMBERED_S:g} seconds.",
            registry=registry,
        )
        gauge.set_function(self.worst)

    def worst(self) -> float:
        """Seconds."""
        now, due = self._clock(), self._due
        overdue = 0.0 if due is None else max(0.0, now - due)
        seen = max((late for at, late in self._late.copy() if at > now - REMEMBERED_S), default=0.0)
        return max(seen, overdue)

    def due_in(self, seconds: float) -> None:
        """The loop should come round so soon."""
        self._due = self._clock() + seconds

    def came(self) -> None:
        """It did, now."""
        now = self._clock()
        if self._due is not None:
            self._late.append((now, max(0.0, now - self._due)))
        while self._late and self._late[0][0] <= now - REMEMBERED_S:
            self._late.popleft()
        self._due = None

    @contextlib.asynccontextmanager
    async def measured(self) -> AsyncIterator[None]:
        """Meanwhile measure the loop that runs this."""
        task = asyncio.create_task(self._measure())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _measure(self) -> None:
        while True:
            self.due_in(EVERY_S)
            await asyncio.sleep(EVERY_S)
            self.came()
