"""A ledger in memory, which refuses what the schema refuses.

A transaction works on a copy of the rows, which is put in their place at the end. Only one runs at a time, in the
order in which they asked; a new term waits for those before it. What a server does by itself is here too: it ends
transactions whose client is gone or stands idle. Does not model: two transactions of one term side by side.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from allocator.core.ids import AppId, Epoch
from allocator.core.requests import Request
from allocator.core.session import OPEN, Session, State
from allocator.ports import Clock, StaleTerm, Standing, Transaction, Unavailable
from support.memory.rows import RequestThere, Rows
from support.memory.script import Script
from support.memory.transaction import MemoryTransaction

TIMEOUT_S = 3.0
BROKEN_OFF = "the server has ended the transaction"


@dataclass(slots=True, eq=False)
class Work:
    """One transaction, as the server has it. ``rows``: what it has written so far, on top of what was there."""

    epoch: Epoch | None
    leader: str
    rows: Rows
    over: bool = False


class MemoryLedger:
    """The :class:`~allocator.ports.Ledger`."""

    def __init__(self, clock: Clock) -> None:
        self.script = Script()
        self.rows = Rows()
        self.commits: list[tuple[Epoch, str]] = []
        """The term and the leader of each transaction that took effect, in order."""
        self.committed: Callable[[Rows, Rows], None] = lambda _before, _after: None
        """Told of each transaction that takes effect: the rows before and after it."""
        self.clock = clock
        self._running: Work | None = None
        self._asking: deque[tuple[Epoch | None, str | None, asyncio.Future[Work]]] = deque()

    async def begin_term(self, leader: str) -> Epoch:
        """See the port."""
        async with self.script.around("begin_term"):
            return self.begin_term_now(await self._in_time(self.open(None)), leader)

    async def renew_term(self, leader: str) -> Epoch:
        """See the port."""
        async with self.script.around("renew_term"):
            return self.renew_term_now(await self._in_time(self.open(None)), leader)

    @asynccontextmanager
    async def transaction(self, epoch: Epoch) -> AsyncIterator[Transaction]:
        """See the port. The script knows its two ends as *transaction* (nothing was done yet) and *commit*."""
        await self.script.begin("transaction")
        work = await self._in_time(self.open(epoch))
        try:
            yield MemoryTransaction(work.rows, epoch, self.clock, self.script)
            await self.script.begin("commit")
            self.commit(work)
        finally:
            self.abort(work)
        await self.script.end("commit")

    async def standing(self, app: AppId) -> Standing:
        """See the port."""
        async with self.script.around("standing"):
            return standing_in(self.rows, app)

    async def ping(self) -> None:
        """See the port."""
        async with self.script.around("ping"):
            pass

    def ask(self, request: Request) -> None:
        """Somebody asks for something: what runs sees it, too, as a server's statements see what others committed."""
        self.rows = self.rows.copy()  # who keeps the rows of before, to go back to them, has them unchanged
        for rows in (self.rows, *(work.rows for work in (self._running,) if work is not None)):
            rows.requests[request.id] = RequestThere(request=request, answer=None)

    def open(self, epoch: Epoch | None, leader: str | None = None) -> asyncio.Future[Work]:
        """A transaction of term ``epoch`` of ``leader`` (None: whose it is) when it is its turn, or
        :class:`~allocator.ports.StaleTerm`. Without ``epoch``: one that begins a term.
        """
        asked = asyncio.get_running_loop().create_future()
        self._asking.append((epoch, leader, asked))
        self._next()
        return asked

    def begin_term_now(self, work: Work, leader: str) -> Epoch:
        """What the server does."""
        assert leader
        self._check(work)
        work.rows = replace(work.rows, epoch=Epoch(work.rows.epoch + 1), leader=leader)
        self._put(work)
        return self.rows.epoch

    def renew_term_now(self, work: Work, leader: str) -> Epoch:
        """What the server does."""
        if work.rows.leader != leader:
            self.abort(work)
            raise StaleTerm("somebody else's term has begun")
        return self.begin_term_now(work, leader)

    def commit(self, work: Work) -> None:
        """What ``work`` wrote is there now, or :class:`~allocator.ports.Conflict`, or the server had ended it."""
        self._check(work)
        try:
            work.rows.check_slots_are_given()
        except Exception:
            self.abort(work)
            raise
        if work.epoch is not None:
            self.commits.append((work.epoch, work.leader))
        self._put(work)

    def abort(self, work: Work) -> None:
        """``work`` ends without effect, if it has not ended."""
        if not work.over:
            work.over, self._running = True, None
            self._next()

    def abort_all(self) -> None:
        """As when the server is killed."""
        asking, self._asking = self._asking, deque()
        for *_, asked in asking:
            asked.cancel()
        if self._running is not None:
            self.abort(self._running)

    def _put(self, work: Work) -> None:
        before, self.rows = self.rows, work.rows
        self.committed(before, self.rows)
        self.abort(work)

    def _check(self, work: Work) -> None:
        if work.over:
            raise Unavailable(BROKEN_OFF)

    def _next(self) -> None:
        while self._running is None and self._asking:
            epoch, leader, asked = self._asking.popleft()
            if asked.done():
                continue
            if epoch is not None and not self._is_newest(epoch, leader):
                asked.set_exception(StaleTerm(f"term {epoch} is over"))
                continue
            self._running = Work(epoch, leader or self.rows.leader, self.rows.copy())
            asked.set_result(self._running)

    def _is_newest(self, epoch: Epoch, leader: str | None) -> bool:
        return epoch == self.rows.epoch and leader in (None, self.rows.leader)

    async def _in_time(self, asked: asyncio.Future[Work]) -> Work:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await asyncio.shield(asked)
        except TimeoutError:
            raise Unavailable("another transaction does not end") from None
        except asyncio.CancelledError:
            asked.add_done_callback(self._abort_unclaimed)
            raise
        finally:
            asked.cancel()

    def _abort_unclaimed(self, asked: asyncio.Future[Work]) -> None:
        """Whoever asked has gone."""
        if not asked.cancelled() and asked.exception() is None:
            self.abort(asked.result())


def standing_in(rows: Rows, app: AppId) -> Standing:
    """Where ``app`` stands."""
    mine = [one for one in rows.sessions.values() if one.app == app and one.state in OPEN]
    waiting = [one for one in mine if one.state is State.WAITING]
    in_turn = [one for one in waiting if one.due_at is None]
    lanes = {one.lane for one in in_turn}
    return Standing(
        waiting={lane: _line([one for one in in_turn if one.lane == lane]) for lane in lanes},
        not_in_turn=len(waiting) - len(in_turn),
        oldest=min((one.waiting_since for one in waiting), default=None),
        slots_used=sum(1 for slot in rows.slots if slot[0] == app),
        states=dict(Counter(str(one.state) for one in mine)),
        oldest_doubt=min((one.unknown_at for one in mine if one.state is State.DOUBT and one.unknown_at), default=None),
        parked=sum(1 for one in rows.sessions.values() if one.app == app and _is_left_parked(rows, one)),
    )


def _is_left_parked(rows: Rows, session: Session) -> bool:
    """Whether it was parked, and nothing was in its room since."""
    if session.state is not State.PARKED or session.ended_at is None:
        return False
    others = [one for one in rows.sessions.values() if (one.app, one.room) == (session.app, session.room)]
    return not any(one.ended_at is None or one.ended_at > session.ended_at for one in others)


def _line(sessions: list[Session]) -> tuple[int, datetime]:
    return len(sessions), min(one.waiting_since for one in sessions)
