"""Redis, for those who look on: what the leader sees is shown here, and read here by those who ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from allocator.adapters.redis import connect, doubts_of, holder_of, place_of, translated
from allocator.core.glance import Glance, decode, encode
from allocator.core.ids import AppId
from chassis.durability import Doubt
from contract import Keys

TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What Redis says of itself, and of the lease."""

    version: str
    at: datetime
    """Its time of day."""
    leader: str | None
    """Who has the lease."""
    lease_left_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxSeen:
    """One app's inbox."""

    waiting: int
    head_at: datetime | None
    """When the entry at its head was accepted."""
    put_aside: int


class RedisBoard:
    """The :class:`~allocator.ports.Board`, and what may be read beside it."""

    def __init__(self, url: str, keys: Keys) -> None:
        self._redis = connect(url, timeout_s=TIMEOUT_S, sends=2)
        self._keys = keys

    async def show(self, glances: Mapping[AppId, Glance], keep_s: float) -> None:
        """See the port."""
        pipeline = self._redis.pipeline(transaction=False)
        for app, glance in glances.items():
            pipeline.set(self._keys.glance(app), encode(glance), px=int(keep_s * 1000))
        async with translated():
            await pipeline.execute()

    async def glances(self, apps: Sequence[AppId]) -> dict[AppId, Glance]:
        """What was shown of ``apps`` lately. Raises :class:`~allocator.ports.Unavailable`, like all here."""
        async with translated():
            found: Any = await self._redis.mget([self._keys.glance(app) for app in apps]) if apps else []
        glances = {app: decode(data) for app, data in zip(apps, found, strict=True)}
        return {app: glance for app, glance in glances.items() if glance is not None}

    async def server(self) -> Server:
        """The server, and who has the lease."""
        async with translated():
            said = await self._redis.info("server")
            seconds, micros = await self._redis.time()
            held: Any = await self._redis.get(self._keys.lease)
            left_ms = await self._redis.pttl(self._keys.lease)
        version = said.get("valkey_version") or said.get("redis_version", "?")
        return Server(
            version=f"{said.get('server_name', 'redis')} {version}",
            at=datetime.fromtimestamp(seconds + micros / 1e6, UTC),
            leader=holder_of(held.decode()).owner if held else None,
            lease_left_s=max(0, left_ms) / 1000,
        )

    async def inbox(self, app: AppId) -> InboxSeen:
        """The inbox of ``app``."""
        async with translated():
            waiting = await self._redis.xlen(self._keys.inbox(app))
            command = ("XRANGE", self._keys.inbox(app), "-", "+", "COUNT", 1)
            head = await self._redis.execute_command(*command) if waiting else []
            put_aside = await self._redis.xlen(self._keys.put_aside(app))
        head_at = place_of(head[0][0].decode()) if head else None
        return InboxSeen(waiting=waiting, head_at=head_at, put_aside=put_aside)

    async def doubts(self) -> Sequence[Doubt] | None:
        """For what this server may lose what it acknowledged; None: it does not answer."""
        return await doubts_of(self._redis)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
