"""Who leads. A lease in Redis says who *should* lead; a term in Postgres makes sure that no one else *can* write.

    FOLLOWER ──acquire──▶ holds the lease ──begin_term──▶ LEADER ──renew──▶ LEADER …
       ▲                                                    │
       └──────── renew refused, or trust has run out ◀──────┘

Redis is authoritative for nothing: a lease that vanishes, jumps or splits costs time, never truth. The fence in
Postgres refuses every write of a past term, whatever its author believes.

What is ours is measured on a clock of our own that runs through suspend:

- **Trust** runs from the *start* of the attempt that renewed the lease: ``attempt_started + ttl - margin``. A slow
  success never lengthens it. Whoever sends a request to the platform asks for trust that covers its whole time-out,
  right before it sends.
- **Taking over** from a holder that is gone: the lease expires by itself; or, where Redis's clock has jumped back so
  that it never will, a challenger has watched the same owner and counter unchanged for twice the time to live.

What happens then: a slow or lost reply to a renewal costs an attempt, the next comes soon; Redis away for longer
than trust lasts stops the leader; a process that was paused finds its trust gone when it wakes, before it sends.

Does not promise: that two processes never *believe* to lead at once. They may, for moments; only one can write.
"""

import contextlib
from dataclasses import dataclass

from allocator.ports import Clock, Holder, Lease, LeaseLost, Unavailable
from chassis.logs import logger

_log = logger(__name__)

RETRY_S = 0.2
"""After a renewal that nobody answered, the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTiming:
    """Seconds. ``margin_s`` is what trust ends earlier than the lease, for clocks that drift."""

    ttl_s: float
    renew_s: float
    margin_s: float
    watch_s: float
    """How often a follower tries when nobody wakes it."""


class Leadership:
    """The :class:`~allocator.ports.Trust` that a lease gives."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = clock.now()

    def covers(self, seconds: float) -> bool:
        """Whether something that may take ``seconds`` may start now."""
        return self.left() >= seconds

    def left(self) -> float:
        """Seconds of trust; negative once it is gone."""
        return self._until - self._clock.now()

    def extend(self, until: float) -> None:
        """The lease was renewed."""
        self._until = until

    def end(self) -> None:
        """The lease is gone, or given up."""
        self._until = float("-inf")


class Elector:
    """One candidate. ``owner`` names it, uniquely among all that ever run."""

    def __init__(self, lease: Lease, clock: Clock, owner: str, timing: LeaseTiming) -> None:
        self._lease = lease
        self._clock = clock
        self._owner = owner
        self._timing = timing
        self._watched: tuple[Holder, float] | None = None
        self.in_touch_at = clock.now()
        """When Redis last answered, for readiness."""

    async def win(self) -> Leadership:
        """Return when we hold the lease."""
        while True:
            try:
                trust = await self._attempt()
                if trust is not None:
                    return trust
                await self._lease.wait_for_release(self._timing.watch_s)
            except Unavailable:
                await self._clock.sleep(self._timing.watch_s)

    async def keep(self, trust: Leadership) -> None:
        """Renew for as long as it can be done. Raises :class:`LeaseLost`; never returns."""
        while True:
            await self._clock.sleep(self._timing.renew_s)
            while not await self._renewed(trust):
                if not trust.covers(0):
                    trust.end()
                    raise LeaseLost("trust has run out before Redis answered")
                await self._clock.sleep(RETRY_S)

    async def withdraw(self) -> None:
        """Stop trying: an attempt that was broken off may have had its effect, and nobody would lead for a while."""
        self._watched = None
        with contextlib.suppress(Unavailable):
            await self._lease.release(self._owner)

    async def resign(self, trust: Leadership) -> None:
        """Give the lease up, if we still have it, so that another can have it at once."""
        trust.end()
        self._watched = None
        try:
            await self._lease.release(self._owner)
        except Unavailable:
            _log.warning("lease_not_released", then="it expires by itself")

    async def _attempt(self) -> Leadership | None:
        started = self._clock.now()
        holder = await self._lease.acquire(self._owner, self._timing.ttl_s, self._stale(started))
        self.in_touch_at = self._clock.now()
        if holder.owner != self._owner:
            self._watch(holder, started)
            return None
        self._watched = None
        trust = Leadership(self._clock)
        trust.extend(self._trusted_until(started))
        return trust

    async def _renewed(self, trust: Leadership) -> bool:
        started = self._clock.now()
        try:
            still_ours = await self._lease.renew(self._owner, self._timing.ttl_s)
        except Unavailable:
            return False
        self.in_touch_at = self._clock.now()
        if not still_ours:
            trust.end()
            raise LeaseLost("the lease is not ours any more")
        trust.extend(self._trusted_until(started))
        return True

    def _trusted_until(self, started: float) -> float:
        return started + self._timing.ttl_s - self._timing.margin_s

    def _watch(self, holder: Holder, now: float) -> None:
        if self._watched is None or self._watched[0] != holder:
            self._watched = (holder, now)

    def _stale(self, now: float) -> Holder | None:
        """The holder that has not moved for twice the time to live, if there is one."""
        if self._watched is None or now - self._watched[1] < 2 * self._timing.ttl_s:
            return None
        return self._watched[0]
