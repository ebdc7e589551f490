"""A ledger in memory, which refuses what the schema refuses.

A transaction works on a copy of the rows, which is put in their place at the end. Only one runs at a time; a new term
waits for the one that runs. Does not model: two transactions of one term side by side, a server that ends idle ones.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from allocator.core.ids import AppId, Epoch
from allocator.core.session import OPEN, Session, State
from allocator.ports import Clock, StaleTerm, Standing, Transaction, Unavailable
from support.memory.rows import Rows
from support.memory.script import Script
from support.memory.transaction import MemoryTransaction

TIMEOUT_S = 3.0


class MemoryLedger:
    """The :class:`~allocator.ports.Ledger`."""

    def __init__(self, clock: Clock) -> None:
        self.script = Script()
        self.rows = Rows()
        self.commits: list[Epoch] = []
        """The term of each transaction that took effect, in order."""
        self._clock = clock
        self._busy = asyncio.Lock()

    async def begin_term(self, leader: str) -> Epoch:
        """See the port."""
        async with self.script.around("begin_term"), self._alone():
            assert leader
            epoch = Epoch(self.rows.epoch + 1)
            self.rows = replace(self.rows, epoch=epoch)
        return epoch

    @asynccontextmanager
    async def transaction(self, epoch: Epoch) -> AsyncIterator[Transaction]:
        """See the port. The script knows its two ends as *transaction* (nothing was done yet) and *commit*."""
        await self.script.begin("transaction")
        async with self._alone():
            if epoch != self.rows.epoch:
                raise StaleTerm(f"term {epoch} is over")
            rows = self.rows.copy()
            yield MemoryTransaction(rows, epoch, self._clock, self.script)
            await self.script.begin("commit")
            rows.check_slots_are_given()
            self.rows = rows
            self.commits.append(epoch)
        await self.script.end("commit")

    async def standing(self, app: AppId) -> Standing:
        """See the port."""
        async with self.script.around("standing"):
            return standing_in(self.rows, app)

    async def ping(self) -> None:
        """See the port."""
        async with self.script.around("ping"):
            pass

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self._busy.acquire()
        except TimeoutError:
            raise Unavailable("another transaction does not end") from None
        try:
            yield
        finally:
            self._busy.release()


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
    )


def _line(sessions: list[Session]) -> tuple[int, datetime]:
    return len(sessions), min(one.waiting_since for one in sessions)
