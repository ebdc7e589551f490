"""The machine's clocks."""

import asyncio
import time
from datetime import UTC, datetime

# Runs through suspend where there is such a clock; a lease must not look young to a machine that slept.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The :class:`~allocator.ports.Clock` of a real machine."""

    def now(self) -> float:
        """Seconds since the machine was started."""
        return time.clock_gettime(_STEADY)

    def wall(self) -> datetime:
        """The time of day."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        await asyncio.sleep(seconds)
