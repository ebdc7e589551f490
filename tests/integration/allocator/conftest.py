"""A leader with real stores and a platform in memory, and a database with our schema."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from allocator.adapters.clock import SystemClock
from allocator.adapters.postgres import PostgresLedger
from allocator.adapters.redis import RedisInbox, connect
from allocator.core.ids import AppId, RoomId
from allocator.core.lifecycle import Timing
from allocator.rounds.leader import READ_WAIT_S, Leader
from allocator.rounds.tuning import Surroundings, Tuning
from contract import ENTRY_FIELD, Event, Keys, RoomResolved, RoomWaiting, encode, new_event_id
from one_machine.stores import Postgres
from support.ledgers import migrated_database
from support.memory import MemoryPlatform, MemoryPolicyDoor, MemoryWatch

APP = AppId("demo")
TIMING = Timing(
    platform_timeout_s=1.0, quarantine_s=4.0, first_look_s=0.1, longest_look_s=1.0, lag_s=0.3, refusals_max=8
)


class Always:
    """The trust of a leader whom nobody disputes it."""

    def covers(self, seconds: float) -> bool:
        return seconds < 1000


class World:
    """Real Redis, real Postgres, and a platform in memory."""

    def __init__(self, redis_url: str, database_url: str) -> None:
        keys = Keys("antre")
        self.clock = SystemClock()
        self.inbox = RedisInbox(redis_url, keys, [APP], READ_WAIT_S)
        self.ledger = PostgresLedger(database_url, 3.0)
        self.platform = MemoryPlatform(self.clock)
        self.watch = MemoryWatch()
        self.policies = MemoryPolicyDoor()
        self.redis = connect(redis_url, timeout_s=2.0, sends=2)
        self.stream = keys.inbox(APP)
        tuning = Tuning(
            timing=TIMING,
            sweep_s=60.0,
            events_retained_s=86_400.0,
            sessions_retained_s=86_400.0,
            tick_s=0.2,
            roster_refresh_s=0.2,
        )
        self.around = Surroundings(
            inbox=self.inbox,
            ledger=self.ledger,
            platforms={APP: self.platform},
            clock=self.clock,
            watch=self.watch,
            policies=self.policies,
            tuning=tuning,
        )

    def leader(self, name: str = "a") -> Leader:
        return Leader(name, Always(), self.around)

    @contextlib.asynccontextmanager
    async def leading(self) -> AsyncIterator[Leader]:
        """A leader at work, which leaves in good order at the end."""
        leader = self.leader()
        running = asyncio.create_task(leader.run())
        try:
            yield leader
            assert not running.done(), running.exception()
            leader.stop()
            await running
            await leader.leave()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await leader.close()

    async def publish(self, event: Event) -> None:
        await self.redis.xadd(self.stream, {ENTRY_FIELD: encode(event)})

    async def writes(self, room: str) -> None:
        """A customer writes; the webhook is in the inbox."""
        self.platform.customer(room)
        await self.publish(RoomWaiting(id=new_event_id(), app=APP, room=RoomId(room), received_ms=0, source="wa"))

    async def resolves(self, room: str) -> None:
        """Somebody resolves; the webhook is in the inbox."""
        self.platform.resolve(RoomId(room))
        await self.publish(RoomResolved(id=new_event_id(), app=APP, room=RoomId(room), received_ms=0))

    def sent(self) -> list[RoomId]:
        """Rooms in the order in which agents came into them."""
        return [one.room for one in self.platform.record if one.what == "assigned"]

    async def states(self) -> dict[str, int]:
        """How many open sessions are in each state."""
        return dict((await self.ledger.standing(APP)).states)

    async def until(self, fact: Callable[[], Any], *, timeout_s: float = 15.0) -> None:
        """Wait until ``fact()`` is true; it may be a coroutine."""
        give_up_at = time.monotonic() + timeout_s
        while time.monotonic() < give_up_at:
            found = fact()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"not in {timeout_s} s; sent {self.sent()}, {await self.states()}")

    async def until_states(self, **wanted: int) -> None:
        async def fact() -> bool:
            with contextlib.suppress(Exception):
                return await self.states() == wanted
            return False

        await self.until(fact)

    async def is_read(self) -> bool:
        return bool(await self.redis.xlen(self.stream) == 0)

    async def close(self) -> None:
        for one in (self.inbox, self.ledger):
            await one.close()
        await self.redis.aclose()


@pytest.fixture
def schema_url(postgres_server: Postgres) -> Iterator[str]:
    """The address of a database with our schema and nothing in it."""
    postgres_server.resume()
    postgres_server.start()
    name = migrated_database(postgres_server)
    yield postgres_server.url_of(name)
    postgres_server.resume()
    postgres_server.start()
    postgres_server.drop_database(name)


@pytest.fixture
async def world(redis_url: str, schema_url: str) -> AsyncIterator[World]:
    made = World(redis_url, schema_url)
    yield made
    await made.close()
