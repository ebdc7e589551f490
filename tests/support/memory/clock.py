"""Time that passes at once: an event loop that jumps to its next timer instead of waiting for it."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2025, 1, 1, tzinfo=UTC)


class _Jumping(selectors.DefaultSelector):
    """Never waits, and never looks: nothing comes from outside. It tells the loop to jump instead."""

    jumped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing, at once. A wait without an end would be one for ever: a deadlock of the test."""
        if timeout is None:
            raise AssertionError("everything waits, and no timer is set")
        self.jumped += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is virtual and starts at 0."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds."""
        return self._jumping.jumped

    def stand_still(self, seconds: float) -> None:
        """Let time pass while nothing runs, as when the process is stopped."""
        self._jumping.jumped += seconds


def virtually(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` on a virtual loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


class VirtualClock:
    """The :class:`~allocator.ports.Clock` of the running loop, virtual or not. ``skew_s`` makes the wall clock jump."""

    def __init__(self) -> None:
        self.skew_s = 0.0

    def now(self) -> float:
        """See the port."""
        return asyncio.get_running_loop().time()

    def wall(self) -> datetime:
        """See the port."""
        return START + timedelta(seconds=self.now() + self.skew_s)

    async def sleep(self, seconds: float) -> None:
        """See the port."""
        await asyncio.sleep(seconds)
