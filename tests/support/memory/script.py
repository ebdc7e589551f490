"""What goes wrong in a port in memory, and when."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

Trouble = Exception | Callable[[], Awaitable[None]]
"""An error to raise, or something to do (to wait, to kill the caller, to look) at that point."""


class Begins(Protocol):
    """Who is told that a call begins."""

    async def begin(self, call: str) -> None:
        """``call`` begins; it may fail here."""


class Instead(Exception):
    """For ports whose answers are values: ``value`` is answered instead."""

    def __init__(self, value: object) -> None:
        super().__init__("an answer instead of the true one")
        self.value = value


class Script:
    """Trouble for calls, by their names: *before* a call had its effect, or *after* it."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        """Every call that began, in order."""
        self.latency_s: Callable[[str], float] = lambda _: 0.0
        self._before: dict[str, deque[Trouble]] = defaultdict(deque)
        self._after: dict[str, deque[Trouble]] = defaultdict(deque)

    def before(self, call: str, *troubles: Trouble) -> None:
        """The next calls of this name meet one of ``troubles`` each, and have no effect."""
        self._before[call].extend(troubles)

    def after(self, call: str, *troubles: Trouble) -> None:
        """The next calls of this name have their effect, and then meet one of ``troubles`` each."""
        self._after[call].extend(troubles)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._before.clear()
        self._after.clear()

    async def begin(self, call: str) -> None:
        """A call begins: others run meanwhile."""
        self.calls.append(call)
        await asyncio.sleep(self.latency_s(call) / 2)
        await _meet(self._before[call])

    async def end(self, call: str) -> None:
        """A call had its effect; its answer is on the way."""
        await asyncio.sleep(self.latency_s(call) / 2)
        await _meet(self._after[call])

    @asynccontextmanager
    async def around(self, call: str) -> AsyncIterator[None]:
        """Around the effect of a call."""
        await self.begin(call)
        yield
        await self.end(call)


async def _meet(troubles: deque[Trouble]) -> None:
    if not troubles:
        return
    trouble = troubles.popleft()
    if isinstance(trouble, Exception):
        raise trouble
    await trouble()
