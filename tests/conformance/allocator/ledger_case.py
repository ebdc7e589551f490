"""What the tests of ledgers stand on."""

import pytest
from unit.allocator.making import AGENT, NOON, TIMING, after, reserved, waiting

from allocator.adapters.postgres import PostgresLedger
from allocator.core import outcomes as o
from allocator.core.changes import Changes
from allocator.core.ids import AppId, Epoch
from allocator.core.intake import Arrival
from allocator.core.lifecycle import on_outcome
from simulation import nearby
from simulation.remote import RemoteLedger
from support.memory import MemoryLedger, VirtualClock

OTHER = AppId("other")


class Case:
    """A ledger in its first term, and short words for what tests do with it."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.epoch = Epoch(0)

    def transaction(self):
        return self.ledger.transaction(self.epoch)

    async def write(self, *pairs):
        """Make rows so, in one transaction; a single session is a new row."""
        changes = Changes()
        for pair in pairs:
            before, now = pair if isinstance(pair, tuple) else (None, pair)
            changes.note(before, now)
        async with self.transaction() as tx:
            await tx.write(changes)

    async def given(self, number=1, *, agent=AGENT, slot=1, capacity=2, room=None):
        """A session on a slot, written down in two steps as the leader does."""
        before = waiting(number, room=room or str(number))
        now = reserved(before, agent=agent, slot=slot, capacity=capacity)
        await self.write(before)
        await self.write((before, now))
        return now

    async def ask(self, method, *parameters, **more):
        """What a transaction of its own answers."""
        async with self.transaction() as tx:
            return await getattr(tx, method)(*parameters, **more)

    async def policy(self, app):
        """Its policy in force."""
        return (await self.ask("survey", app, NOON, 0)).policy

    async def loads(self, app, closed_since, **more):
        """The loads of its agents."""
        return (await self.ask("survey", app, closed_since, 0, **more)).loads

    async def heads(self, app, per_lane):
        """Who is next in its lanes, which two questions answer alike."""
        found = await self.ask("heads", app, per_lane)
        assert (await self.ask("survey", app, NOON, per_lane)).heads == found
        return found

    async def break_off(self, work):
        """A transaction that does ``work`` and then meets a bug."""

        async def run():
            async with self.transaction() as tx:
                await work(tx)
                raise RuntimeError("a bug")

        with pytest.raises(RuntimeError, match="a bug"):
            await run()

    async def rows(self, *sessions):
        """The rows as they are now."""
        found = await self.ask("sessions", [one.id for one in sessions])
        return [found.get(one.id) for one in sessions]


async def cases(kind, request):
    """A ledger of ``kind`` in its first term; closed afterwards."""
    if kind != "postgres":
        ledger = MemoryLedger(VirtualClock())
        if kind == "remote":
            ledger = RemoteLedger(ledger, nearby.link())
    else:
        ledger = PostgresLedger(request.getfixturevalue("schema_url"), 3.0)
    made = Case(ledger)
    made.epoch = await ledger.begin_term("a")
    yield made
    if kind == "postgres":
        await ledger.close()


def arrival(event, seconds=0, *, found=False):
    return Arrival(event=event, at=after(seconds), found=found)


def assigned(session):
    return on_outcome(session, o.Done(), after(20), TIMING)
