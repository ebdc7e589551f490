"""A lease in memory."""

import asyncio
import contextlib

from allocator.ports import Clock, Holder
from support.memory.script import Script

LONGEST_WAIT_S = 0.5
HANDOVER_KEPT_S = 1.0


class MemoryLease:
    """The :class:`~allocator.ports.Lease`. ``clock`` is the store's, not that of those who want the lease."""

    def __init__(self, clock: Clock) -> None:
        self.script = Script()
        self._clock = clock
        self._held: Holder | None = None
        self._expires_at = 0.0
        self._left_at: float | None = None
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def holder(self) -> Holder | None:
        """Who has it now."""
        return self._held if self._clock.now() < self._expires_at else None

    def vanish(self) -> None:
        """As when the store loses what it had."""
        self._held = None

    def never_expire(self) -> None:
        """As when the store's clock has jumped back far."""
        self._expires_at = float("inf")

    async def acquire(self, owner: str, ttl_s: float, stale: Holder | None) -> Holder:
        """See the port."""
        async with self.script.around("acquire"):
            return self.acquire_now(owner, ttl_s, stale)

    async def renew(self, owner: str, ttl_s: float) -> bool:
        """See the port."""
        async with self.script.around("renew"):
            return self.renew_now(owner, ttl_s)

    async def release(self, owner: str) -> bool:
        """See the port."""
        async with self.script.around("release"):
            return self.release_now(owner)

    async def wait_for_release(self, at_most_s: float) -> None:
        """See the port."""
        async with self.script.around("wait_for_release"):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(at_most_s, LONGEST_WAIT_S)):
                    await self.released()

    def acquire_now(self, owner: str, ttl_s: float, stale: Holder | None) -> Holder:
        """What the server does."""
        held = self.holder
        if held is None or held == stale:
            held = Holder(owner, 0)
        if held.owner == owner:
            self._keep(held, ttl_s)
        return held

    def renew_now(self, owner: str, ttl_s: float) -> bool:
        """What the server does."""
        held = self.holder
        if held is None or held.owner != owner:
            return False
        self._keep(Holder(owner, held.counter + 1), ttl_s)
        return True

    def release_now(self, owner: str) -> bool:
        """What the server does: the first of those who wait for a release is told; if nobody does, the next one is."""
        held = self.holder
        if held is None or held.owner != owner:
            return False
        self._held = None
        waiting = next((one for one in self._waiting if not one.done()), None)
        if waiting is None:
            self._left_at = self._clock.now()
        else:
            waiting.set_result(None)
        return True

    def released(self) -> asyncio.Future[None]:
        """Done when a leader has left, or had left a moment ago and nobody was told."""
        told = asyncio.get_running_loop().create_future()
        self._waiting = [*(one for one in self._waiting if not one.done()), told]
        if self._taken_news():
            told.set_result(None)
        return told

    def _keep(self, held: Holder, ttl_s: float) -> None:
        self._held, self._expires_at = held, self._clock.now() + ttl_s

    def _taken_news(self) -> bool:
        """One of those who wait takes what a leader left behind."""
        left_at, self._left_at = self._left_at, None
        return left_at is not None and self._clock.now() - left_at < HANDOVER_KEPT_S
