"""A leader on ports in memory, in virtual time: what the tests of rounds stand on."""

import asyncio
import contextlib

from unit.allocator.making import APP, TIMING

from allocator.core.ids import RoomId
from allocator.core.session import State
from allocator.rounds.leader import Leader
from allocator.rounds.tuning import Surroundings, Tuning
from contract import RoomResolved, RoomWaiting, new_event_id
from support.memory import (
    MemoryInbox,
    MemoryLedger,
    MemoryPlatform,
    MemoryPolicyDoor,
    MemoryWatch,
    VirtualClock,
    virtually,
)

TUNING = Tuning(timing=TIMING, sweep_s=60.0, events_retained_s=86_400.0, sessions_retained_s=86_400.0)


class Trusted:
    """Trust as a test wants it; asked for is written down."""

    def __init__(self):
        self.seconds = 1000.0
        self.asked = []

    def covers(self, seconds):
        self.asked.append(seconds)
        return self.seconds >= seconds


class World:
    """Everything around a leader."""

    def __init__(self, **tuning):
        self.clock = VirtualClock()
        self.inbox = MemoryInbox(self.clock, [APP])
        self.ledger = MemoryLedger(self.clock)
        self.platform = MemoryPlatform(self.clock)
        self.watch = MemoryWatch()
        self.policies = MemoryPolicyDoor()
        self.trust = Trusted()
        self.around = Surroundings(
            inbox=self.inbox,
            ledger=self.ledger,
            platforms={APP: self.platform},
            clock=self.clock,
            watch=self.watch,
            policies=self.policies,
            tuning=Tuning(**{name: getattr(TUNING, name) for name in TUNING.__slots__} | tuning),
        )

    def leader(self, name="a"):
        return Leader(name, self.trust, self.around)

    @contextlib.asynccontextmanager
    async def leading(self):
        """A leader at work, which leaves in good order at the end."""
        leader = self.leader()
        running = asyncio.create_task(leader.run())
        try:
            yield leader
            leader.stop()
            await running
            await leader.leave()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await leader.close()

    async def crash_at_assign(self, when):
        """A leader gives room 100 an agent and crashes *before* its request had its effect, or *after*."""
        leader = self.leader("a")
        running = asyncio.create_task(leader.run())
        crash = asyncio.Event()

        async def stand():
            crash.set()
            await asyncio.sleep(3600)

        getattr(self.platform.script, when)("assign", stand)
        self.writes("100")
        await crash.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await leader.close()

    def writes(self, room, *, source="wa", there=True, previous=None):
        """A customer writes; the webhook is in the inbox."""
        if there:
            self.platform.customer(room, source)
        event = RoomWaiting(
            id=new_event_id(), app=APP, room=RoomId(room), received_ms=0, source=source, previous=previous
        )
        self.inbox.append(event)
        return RoomId(room)

    def resolves(self, room, *, service=None):
        """Somebody resolves; the webhook is in the inbox."""
        self.platform.resolve(RoomId(room))
        self.inbox.append(RoomResolved(id=new_event_id(), app=APP, room=RoomId(room), received_ms=0, service=service))

    def sessions(self, room=None):
        """The rows, oldest first."""
        rows = sorted(self.ledger.rows.sessions.values(), key=lambda one: (one.waiting_since, one.id))
        return [one for one in rows if room is None or one.room == room]

    def states(self):
        return {one.room: one.state for one in self.sessions()}

    async def until(self, **states):
        """Wait until the rooms are in these states; rooms are written like r100."""
        wanted = {name.removeprefix("r"): state for name, state in states.items()}
        for _ in range(100_000):
            if self.states() == wanted:
                return
            await asyncio.sleep(0.001)
        raise AssertionError(f"{self.states()} is not {wanted}")

    def sent(self):
        """Rooms in the order in which agents came into them."""
        return [one.room for one in self.platform.record if one.what == "assigned"]

    def is_at_rest(self):
        """The ledger says what the platform says."""
        for one in self.sessions():
            there = self.platform.rooms[one.room]
            if one.state is State.ASSIGNED and one.agent is not None:
                assert there.agents == [one.agent]
        return not any(one.state in (State.RESERVED, State.DOUBT) for one in self.sessions())


def in_a_world(**tuning):
    """Run the test's coroutine, which gets a world, in virtual time."""

    def decorate(test):
        def run():
            async def work():
                await test(World(**tuning))

            virtually(work())

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return run

    return decorate
