"""The machine's clocks."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

# Runs through suspend where there is such a clock; a lease must not look young to a machine that slept.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The :class:`~allocator.ports.Clock` of a real machine. The time of day is looked at once and counted from there:
    what a process has written stays behind it, whatever somebody does to the machine's clock meanwhile.
    """

    def __init__(self) -> None:
        self._started_at = datetime.now(UTC)
        self._started = self.now()

    def now(self) -> float:
        """Seconds since the machine was started."""
        return time.clock_gettime(_STEADY)

    def wall(self) -> datetime:
        """The time of day."""
        return self._started_at + timedelta(seconds=self.now() - self._started)

    async def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        await asyncio.sleep(seconds)
