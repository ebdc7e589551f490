"""A leader in this process, on a real Postgres and a real Redis, before a platform that answers after so long.

The parts are the allocator's own; only the platform is ours, so that what is measured is the allocator and not a
simulator beside it on the same cores.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import redis as blocking

from allocator.adapters.clock import SystemClock
from allocator.adapters.metrics import Metrics
from allocator.adapters.migrate import migrate
from allocator.adapters.postgres import PostgresLedger
from allocator.adapters.redis import RedisInbox
from allocator.core import outcomes as o
from allocator.core.ids import AgentId, AppId, Lane, RoomId
from allocator.core.lifecycle import Timing
from allocator.core.roster import Roster, Seen
from allocator.rounds.leader import Leader
from allocator.rounds.tuning import Surroundings, Tuning
from chassis import logs
from contract import ENTRY_FIELD, Keys, RoomResolved, RoomWaiting, encode, new_event_id
from one_machine.stores import Postgres, Valkey

APP = AppId("benchmark")
PIPELINE = 1_000
FILL = """
INSERT INTO session (id, app, room, lane, state, waiting_since, verify, tries, refusals, avoid, resolve_seen, reopened,
  epoch)
SELECT gen_random_uuid(), $1, 'w' || n, 'wa', 'waiting', now() - $3::interval + n * interval '1 us', false, 0, 0, '{}',
  false, false, 1
FROM generate_series(1, $2::int) AS n
"""
TUNING = Tuning(
    timing=Timing(
        platform_timeout_s=4.0, quarantine_s=30.0, first_look_s=0.5, longest_look_s=30.0, lag_s=1.5, refusals_max=8
    ),
    sweep_s=86_400.0,
    events_retained_s=86_400.0,
    sessions_retained_s=86_400.0,
)


async def fill(database_url: str, app: str, count: int, ago_s: float) -> None:
    """So many who wait, all in one lane, since so long ago; and the statistics that a database of some age has."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(FILL, app, count, timedelta(seconds=ago_s))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


class Platform:
    """So many agents who are there, and answers after so many seconds. ``assigned``: rooms, in order; ``called``: when
    each call came.
    """

    def __init__(self, agents: int, answers_after_s: float) -> None:
        self._counts = dict.fromkeys(map(AgentId, range(1, agents + 1)), 0)
        self._serving: dict[RoomId, AgentId] = {}
        self._answers_after_s = answers_after_s
        self.assigned: list[RoomId] = []
        self.called: list[float] = []
        self.wanted = 0
        self.enough = asyncio.Event()

    async def assign(self, room: RoomId, agent: AgentId) -> o.Outcome:
        """Done."""
        self.called.append(time.perf_counter())
        self._serving[room] = agent
        self._counts[agent] += 1
        await asyncio.sleep(self._answers_after_s)
        self.assigned.append(room)
        if len(self.assigned) >= self.wanted:
            self.enough.set()
        return o.Done()

    async def view(self, _room: RoomId, _agent: AgentId | None) -> o.View:
        """As we think."""
        return o.Served(ours=True)

    async def roster(self, _room: RoomId, now: float) -> Roster:
        """All of them, with how many they serve."""
        seen = (
            Seen(agent=agent, online=True, count=count, divisions=frozenset(), email=None)
            for agent, count in self._counts.items()
        )
        return Roster(agents=tuple(seen), read_at=now, uses=None)

    async def suggestion(self, _lane: Lane, now: float) -> Roster:
        """Not asked here."""
        return Roster(agents=(), read_at=now, uses=1)

    def ends(self, room: RoomId) -> None:
        """Whoever serves it is free of it."""
        self._counts[self._serving.pop(room)] -= 1

    async def unserved(self) -> AsyncIterator[Sequence[Any]]:
        """Nobody."""
        yield ()

    async def until(self, count: int) -> None:
        """Until so many were assigned."""
        self.wanted = count
        self.enough.clear()
        if len(self.assigned) < count:
            await self.enough.wait()


class Trusted:
    """We lead, always."""

    def covers(self, _seconds: float) -> bool:
        """Yes."""
        return True


class Spec:
    """Gives one policy, once."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._spec: Mapping[str, Any] | None = spec

    def newest(self) -> object | None:
        """See the port."""
        given, self._spec = self._spec, None
        return given


@dataclass(frozen=True, slots=True)
class Stores:
    """Two servers."""

    postgres: Postgres
    redis: Valkey

    async def new_database(self, name: str) -> str:
        """Migrated; its address."""
        url = self.postgres.create_database(name)
        await migrate(url)
        return url

    def postgres_cpu_s(self) -> float:
        """Seconds on a core of all its processes that live."""
        return sum(map(cpu_s, [self.postgres.pid, *_children(self.postgres.pid)]))


def _children(parent: int) -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = stat.read_text().rpartition(")")[2].split()
            if int(words[1]) == parent:
                yield int(stat.parent.name)


def cpu_s(pid: int) -> float:
    """Seconds on a core of a process so far, to the nanosecond: of its threads that live."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


@contextmanager
def stores() -> Iterator[Stores]:
    """Real ones, durable. Lines of the log are for others to read."""
    logs.configure("json", "warning")
    with tempfile.TemporaryDirectory(prefix="antre-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # a server's account may have to reach what is in it
        with Postgres(folder / "postgres") as postgres, Valkey(folder / "redis") as valkey:
            yield Stores(postgres, valkey)
            valkey.remove()
            postgres.remove()


class Rig:
    """A leader of one app, or of ``others`` beside it, and its surroundings."""

    def __init__(
        self,
        made: Stores,
        database: str,
        prefix: str,
        platform: Platform,
        spec: Mapping[str, Any],
        *,
        others: Mapping[AppId, Platform] | None = None,
        tuning: Tuning = TUNING,
    ) -> None:
        self.platform, self.database_url, self._keys = platform, database, Keys(prefix)
        self.ledger = PostgresLedger(database, 60.0)
        platforms = {APP: platform} | dict(others or {})
        self.inbox = RedisInbox(made.redis.url, self._keys, list(platforms), 2.0)
        self.redis = blocking.Redis.from_url(made.redis.url)
        around = Surroundings(
            inbox=self.inbox,
            ledger=self.ledger,
            platforms=platforms,
            clock=SystemClock(),
            watch=Metrics("0"),
            policies=Spec(spec),
            tuning=tuning,
        )
        self.leader = Leader("benchmark", Trusted(), around)

    def send(self, *events: RoomWaiting | RoomResolved) -> None:
        """Into the inbox, as the gateway does."""
        for start in range(0, len(events), PIPELINE):
            with self.redis.pipeline(transaction=False) as pipeline:
                for event in events[start : start + PIPELINE]:
                    pipeline.xadd(self._keys.inbox(event.app), {ENTRY_FIELD: encode(event)})
                pipeline.execute()

    def resolve(self, *rooms: RoomId) -> None:
        """Somebody resolves them."""
        for room in rooms:
            self.platform.ends(room)
        self.send(*(RoomResolved(id=new_event_id(), app=APP, room=room, received_ms=0) for room in rooms))

    def inbox_bytes(self) -> int:
        """What the stream takes in Redis's memory."""
        return int(self.redis.memory_usage(self._keys.inbox(APP), samples=0) or 0)

    @asynccontextmanager
    async def leading(self) -> AsyncIterator[None]:
        """At work, as in the real process."""
        running = asyncio.create_task(self.leader.run())
        try:
            yield
            self.leader.stop()
            await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await self.leader.close()

    async def close(self) -> None:
        """Close the connections."""
        await self.ledger.close()
        await self.inbox.close()
        self.redis.close()


def waiting(number: int, source: str = "wa", app: AppId = APP) -> RoomWaiting:
    """A customer writes in room ``number``."""
    return RoomWaiting(id=new_event_id(), app=app, room=RoomId(str(number)), received_ms=0, source=source)
