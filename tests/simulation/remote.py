"""The ports as a process sees them: those in memory, behind a network.

Each raises what the real adapters raise, when they would: time-outs with and without effect, lost replies, refused and
broken connections. The conformance suite holds them to the same promises as the real ones.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from allocator.core import outcomes as o
from allocator.core.ids import AgentId, AppId, Epoch, Lane, RoomId
from allocator.core.roster import Roster
from allocator.ports import Entry, Failure, Holder, Queue, Standing, Transaction, Unavailable, Unserved
from simulation.loop import finish, outside
from simulation.network import Broken, Link, Refused
from support.memory import MemoryInbox, MemoryLease, MemoryLedger, MemoryPlatform
from support.memory.ledger import BROKEN_OFF, Work, standing_in
from support.memory.transaction import MemoryTransaction
from webhook_gateway import ports as gateway

REDIS_TIMEOUT_S = 1.0
POSTGRES_TIMEOUT_S = 2.0
IDLE_LIMIT_S = 3.0
LONGEST_WAIT_S = 0.5
HOPS = frozenset({"record", "write"})
"""Calls of a transaction at which time passes. The others could stop nowhere that these do not."""


async def _of_store(link: Link, effect: Callable[[], Any], timeout_s: float) -> Any:
    try:
        return await link.call(effect, timeout_s)
    except (Refused, Broken) as error:
        raise Unavailable(str(error)) from None


class RemoteLease:
    """The :class:`~allocator.ports.Lease`."""

    def __init__(self, lease: MemoryLease, link: Link) -> None:
        self._lease, self._link = lease, link

    async def acquire(self, owner: str, ttl_s: float, stale: Holder | None) -> Holder:
        """See the port."""
        held: Holder = await self._ask(lambda: self._lease.acquire_now(owner, ttl_s, stale))
        return held

    async def renew(self, owner: str, ttl_s: float) -> bool:
        """See the port."""
        return bool(await self._ask(lambda: self._lease.renew_now(owner, ttl_s)))

    async def release(self, owner: str) -> bool:
        """See the port."""
        return bool(await self._ask(lambda: self._lease.release_now(owner)))

    async def wait_for_release(self, at_most_s: float) -> None:
        """See the port."""
        await self._ask(lambda: at_most(self._lease.released(), min(at_most_s, LONGEST_WAIT_S)))

    async def _ask(self, effect: Callable[[], Any]) -> Any:
        return await _of_store(self._link, effect, REDIS_TIMEOUT_S)


class RemoteInbox:
    """The :class:`~allocator.ports.Inbox`, and the gateway's side of it."""

    def __init__(self, inbox: MemoryInbox, link: Link) -> None:
        self._inbox, self._link = inbox, link

    async def read(self, at_most_entries: int, wait_s: float) -> Sequence[Entry]:
        """See the port."""
        timeout_s = wait_s + REDIS_TIMEOUT_S
        await _of_store(self._link, lambda: at_most(self._inbox.filled(), wait_s), timeout_s)
        entries: list[Entry] = await _of_store(self._link, lambda: self._inbox.heads(at_most_entries), timeout_s)
        return entries

    async def delete(self, entries: Sequence[Entry]) -> None:
        """See the port."""
        await _of_store(self._link, lambda: self._inbox.delete_now(entries), REDIS_TIMEOUT_S)

    async def queues(self) -> Mapping[AppId, Queue]:
        """See the port."""
        found: Mapping[AppId, Queue] = await _of_store(self._link, self._inbox.queues_now, REDIS_TIMEOUT_S)
        return found

    async def append(self, batch: Sequence[gateway.Entry]) -> None:
        """See the gateway's port."""

        def write() -> None:
            for entry in batch:
                self._inbox.append_bytes(entry.app, entry.payload)

        try:
            await self._link.call(write, REDIS_TIMEOUT_S)
        except (Refused, Broken) as error:
            raise gateway.Interrupted(str(error)) from None

    async def ping(self) -> None:
        """See the gateway's port."""


class RemoteLedger:
    """The :class:`~allocator.ports.Ledger`."""

    def __init__(self, ledger: MemoryLedger, link: Link) -> None:
        self._ledger, self._link = ledger, link
        self._open: set[Work] = set()
        self._leader = ""

    async def begin_term(self, leader: str) -> Epoch:
        """See the port."""
        return await self._begin(self._ledger.begin_term_now, leader)

    async def renew_term(self, leader: str) -> Epoch:
        """See the port."""
        return await self._begin(self._ledger.renew_term_now, leader)

    @asynccontextmanager
    async def transaction(self, epoch: Epoch) -> AsyncIterator[Transaction]:
        """See the port."""
        work = await self._opened(epoch)
        try:
            yield MemoryTransaction(work.rows, epoch, self._ledger.clock, _Hops(self._link, work))
            await self._ask(lambda: self._ledger.commit(work))
        finally:
            self._close(work)

    async def standing(self, app: AppId) -> Standing:
        """See the port."""
        standing: Standing = await self._ask(lambda: standing_in(self._ledger.rows, app))
        return standing

    async def ping(self) -> None:
        """See the port."""
        await self._ask(lambda: None)

    def connection_lost(self) -> None:
        """The process is gone: the server ends what it had under way."""
        for work in self._open:
            self._link.tell(partial(self._ledger.abort, work))

    async def _begin(self, begin: Callable[[Work, str], Epoch], leader: str) -> Epoch:
        work = await self._opened(None)
        try:
            epoch: Epoch = await self._ask(lambda: begin(work, leader))
        finally:
            self._close(work)
        self._leader = leader
        return epoch

    async def _opened(self, epoch: Epoch | None) -> Work:
        work: Work = await self._ask(lambda: self._serve(epoch))
        return work

    def _serve(self, epoch: Epoch | None) -> asyncio.Future[Work]:
        asked = self._ledger.open(epoch, self._leader)
        asked.add_done_callback(self._begun, context=outside())
        return asked

    def _begun(self, asked: asyncio.Future[Work]) -> None:
        if not asked.cancelled() and asked.exception() is None:
            work = asked.result()
            self._open.add(work)
            asyncio.get_running_loop().call_later(IDLE_LIMIT_S, self._end_if_idle, work, context=outside())

    def _end_if_idle(self, work: Work) -> None:
        self._ledger.abort(work)
        self._open.discard(work)

    def _close(self, work: Work) -> None:
        """A transaction that was not committed is broken off with its connection."""
        self._open.discard(work)
        if not work.over:
            self._link.tell(lambda: self._ledger.abort(work))

    async def _ask(self, effect: Callable[[], Any]) -> Any:
        return await _of_store(self._link, effect, POSTGRES_TIMEOUT_S)


class _Hops:
    """What a transaction's calls meet on their way."""

    def __init__(self, link: Link, work: Work) -> None:
        self._link, self._work = link, work

    async def begin(self, call: str) -> None:
        """A statement of the transaction."""
        if call in HOPS:
            await _of_store(self._link, self._run, POSTGRES_TIMEOUT_S)

    def _run(self) -> None:
        if self._work.over:
            raise Unavailable(BROKEN_OFF)


@dataclass(slots=True, kw_only=True)
class Mood:
    """How the platform is just now: probabilities, and seconds."""

    unanswered: float = 0.0
    """Assigns that have their effect and no answer."""
    late: float = 0.0
    """Assigns that are given up and have their effect long after."""
    late_s: float = 0.0
    error: float = 0.0
    """Calls that end in a 5xx, one half of the assigns with their effect."""
    too_many: float = 0.0
    deaf: bool = False
    """Knows nobody's credentials."""


class RemotePlatform:
    """The :class:`~allocator.ports.Platform`."""

    def __init__(self, platform: MemoryPlatform, link: Link, mood: Mood, timeout_s: float) -> None:
        self._platform, self._link, self._mood, self._timeout_s = platform, link, mood, timeout_s

    async def assign(self, room: RoomId, agent: AgentId) -> o.Outcome:
        """See the port."""
        found: o.Outcome = await self._ask(lambda: self._assign(room, agent))
        return found

    async def view(self, room: RoomId, agent: AgentId | None) -> o.View:
        """See the port."""
        found = await self._ask(lambda: self._answer(lambda: self._platform.view_now(room, agent)))
        return o.NotSeen(found) if isinstance(found, o.Unknown | o.NotNow | o.CredentialsRefused) else found

    async def roster(self, room: RoomId, now: float) -> Roster | o.RoomRefused | Failure:
        """See the port."""
        found: Roster | Failure = await self._ask(lambda: self._answer(lambda: self._platform.roster_now(room, now)))
        return found

    async def suggestion(self, lane: Lane, now: float) -> Roster | Failure:
        """See the port."""
        found: Roster | Failure = await self._ask(lambda: self._answer(lambda: self._platform.suggest_now(lane, now)))
        return found

    async def unserved(self) -> AsyncIterator[Sequence[Unserved] | Failure]:
        """See the port."""
        yield await self._ask(lambda: self._answer(self._platform.unserved_now))

    async def _ask(self, effect: Callable[[], Any]) -> Any:
        try:
            return await self._link.call(effect, self._timeout_s)
        except (Refused, Broken) as error:
            return o.Unknown(str(error))

    def _answer(self, effect: Callable[[], Any]) -> Any:
        return self._trouble() or effect()

    def _assign(self, room: RoomId, agent: AgentId) -> Any:
        mood, dice, loop = self._mood, self._link.dice, asyncio.get_running_loop()
        if dice.random() < mood.late:
            loop.call_later(dice.uniform(0, mood.late_s), self._platform.assign_now, room, agent, context=outside())
            return loop.create_future()
        if dice.random() < mood.unanswered:
            self._platform.assign_now(room, agent)
            return loop.create_future()
        if (trouble := self._trouble()) is not None:
            if isinstance(trouble, o.Unknown) and dice.random() < 1 / 2:
                self._platform.assign_now(room, agent)
            return trouble
        return self._platform.assign_now(room, agent)

    def _trouble(self) -> o.Outcome | None:
        dice = self._link.dice
        if self._mood.deaf:
            return o.CredentialsRefused()
        if dice.random() < self._mood.too_many:
            return o.NotNow(2.0)
        return o.Unknown("HTTP 503") if dice.random() < self._mood.error else None


def at_most(wanted: asyncio.Future[None], seconds: float) -> asyncio.Future[None]:
    """Done with ``wanted``, or after ``seconds``."""
    loop = asyncio.get_running_loop()
    timer = loop.call_later(seconds, finish, wanted, None, context=outside())
    wanted.add_done_callback(lambda _: timer.cancel(), context=outside())
    return wanted
