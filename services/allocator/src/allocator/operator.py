"""The operator: what people say of policies in Kubernetes becomes rows, and what became of the rows is said to them.

    woken   an object changed, or it is time to look
    list    all objects, as they are now, and the newest rows
    resolve which object each app goes by (``core.claims``, pure)
    give    the rows, all in one transaction; what is as it was is not given again
    say     each object's status, where it is not as it says (``core.standing``, pure)

It goes by what is there, never by what it was told of a change: nothing is kept in mind, so a restart changes nothing,
and an object that is gone needs no finalizer. It is needed for no customer: down, it gives nothing new.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from allocator.core.claims import Claims, PolicyKept, PolicyObject, resolve
from allocator.core.ids import AppId
from allocator.core.standing import WAITING, Condition, Versions, conditions_of, news, status_of
from allocator.ports import Clock, OperatorWatch, PolicyObjects, PolicyStore, Unavailable
from chassis.logs import logger

_log = logger(__name__)

GATHER_S = 0.1
"""Changes that come together are taken up together."""
SOON_S = 0.5
OFTEN_S = 2.0
"""So often at least while a policy is given and not used yet."""
SELDOM_S = 30.0
RETRY_MAX_S = 30.0
SAID_AT_ONCE = 8


class Operator:
    """One process of it; a second would do no harm."""

    def __init__(self, objects: PolicyObjects, store: PolicyStore, clock: Clock, watch: OperatorWatch) -> None:
        self._objects, self._store = objects, store
        self._clock, self._watch = clock, watch
        self._woken = asyncio.Event()
        self.looks_in_s = SOON_S
        """How long it waits until the next look, unless it is woken."""
        self.beat_at = clock.now()
        """When the loop last came round, or had said something."""
        self.failing: str | None = None
        """Why the last look failed."""

    def wake(self) -> None:
        """An object changed."""
        self.looks_in_s = SOON_S
        self._woken.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            self.beat_at = self._clock.now()
            await self._look()
            await self._wait()

    async def reconcile(self) -> bool:
        """Make the rows as the objects say, and the objects say what became of it. Whether something is still to
        come. Raises :class:`~allocator.ports.Unavailable`.
        """
        now = self._clock.wall()
        objects, kept = await self._objects.all(), await self._store.kept()
        resolution = resolve(objects, kept)
        given = await self._store.put(resolution.give, now)
        versions = _versions(kept, given, resolution.claims, await self._store.in_use())
        standings = {one.uid: conditions_of(resolution.claims[one.uid], versions) for one in objects}
        await self._say(objects, resolution.claims, standings, versions, now)
        self._watch.objects(_counted(standings))
        return any(found.reason == WAITING for conditions in standings.values() for found in conditions)

    async def _look(self) -> None:
        started = self._clock.now()
        try:
            waits = await self.reconcile()
        except Unavailable as error:
            self._failed(str(error))
        else:
            if self.failing is not None:
                _log.info("policies_reconciled_again")
            self.failing = None
            self.looks_in_s = min(1.5 * self.looks_in_s, OFTEN_S) if waits else SELDOM_S
        self._watch.reconciled(self._clock.now() - started, well=self.failing is None)

    def _failed(self, why: str) -> None:
        """Each reason is told once; the next look comes soon, and then later and later."""
        if why != self.failing:
            _log.warning("policies_not_reconciled", why=why, then="those in force stay; tried again")
        self.looks_in_s = SOON_S if self.failing is None else min(2 * self.looks_in_s, RETRY_MAX_S)
        self.failing = why

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self.looks_in_s):
                await self._woken.wait()
            await self._clock.sleep(GATHER_S)
        except TimeoutError:
            pass
        self._woken.clear()

    async def _say(
        self,
        objects: Sequence[PolicyObject],
        claims: Mapping[str, Claims],
        standings: Mapping[str, Sequence[Condition]],
        versions: Versions,
        now: datetime,
    ) -> None:
        at_once = asyncio.Semaphore(SAID_AT_ONCE)

        async def say(one: PolicyObject) -> None:
            conditions = standings[one.uid]
            status = status_of(one, claims[one.uid], versions, conditions, now)
            if status == one.status:
                return
            told = news(one, conditions)
            async with at_once:
                await self._objects.say(one, status, told)
            self.beat_at = self._clock.now()
            for found in told:
                _log.info("policy_says", object=one.source, condition=found.type, holds=found.holds, why=found.message)

        said = await asyncio.gather(*map(say, objects), return_exceptions=True)  # none goes on beside the next look
        for failed in said:
            if failed is not None:
                raise failed


def _versions(
    kept: Sequence[PolicyKept], given: Mapping[AppId, int], claims: Mapping[str, Claims], in_use: Mapping[AppId, int]
) -> Versions:
    held = {app for mine in claims.values() for app in mine.held}
    files = {row.app for row in kept if not row.uid and not row.withdrawn}
    return Versions(given={row.app: row.version for row in kept} | dict(given), own=held | files, in_use=in_use)


def _counted(standings: Mapping[str, Sequence[Condition]]) -> Mapping[str, int]:
    """How many objects there are of which each condition holds."""
    counts = dict.fromkeys(("all", "Accepted", "Conflict", "Live"), 0)
    for conditions in standings.values():
        counts["all"] += 1
        for found in conditions:
            counts[found.type] += found.holds
    return counts
