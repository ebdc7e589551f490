"""The inbox in Redis: the only module that knows Redis.

A batch is ONE script call: Redis syncs its append-only file once per turn of its loop, so one command costs one sync
however many events it carries, and what is for one app is written whole or not at all. The client repeats nothing by
itself (by default redis-py does, several times: every lost reply would be events written twice, in silence).

Does not promise: that the answer of Redis means durable. It does with ``appendfsync always``; :meth:`RedisInbox.doubts`
says when it does not, and ``vetted.py`` acknowledges nothing then.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import hiredis
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    MaxConnectionsError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

from chassis.durability import Doubt
from chassis.redis_doubts import redis_doubts
from contract import ENTRY_FIELD, AppId, Keys
from webhook_gateway.ports import Entry, Interrupted, NoInbox, Unavailable

APPEND = f"""
local spoilt = {{}}
for i = 1, #ARGV, 2 do
  local reply = redis.pcall('XADD', KEYS[tonumber(ARGV[i])], '*', '{ENTRY_FIELD.decode()}', ARGV[i + 1])
  if type(reply) == 'table' then
    if string.sub(reply.err, 1, 9) ~= 'WRONGTYPE' then return reply end
    spoilt[#spoilt + 1] = tonumber(ARGV[i])
  end
end
return spoilt
"""
"""KEYS: streams. ARGV: for each event the number of its stream in KEYS, and its bytes. The reply: the numbers of those
streams that are none (somebody wrote to the key by hand); what was for the others is written.
"""

PING_TIMEOUT_S = 0.5
_SHA = hashlib.sha1(APPEND.encode(), usedforsecurity=False).hexdigest()  # the name that EVALSHA knows it by


class RedisInbox:
    """The streams of all apps, on one connection for events and one for the question whether Redis is there."""

    def __init__(self, url: str, keys: Keys, timeout_s: float) -> None:
        self.connections = 0
        """How many were made for events: another one may lead to another server."""
        self._keys = keys
        self._events = _client(url, timeout_s, self._connected)
        self._probe = _client(url, PING_TIMEOUT_S)
        self._pinging: asyncio.Task[None] | None = None

    async def append(self, batch: Sequence[Entry]) -> None:
        """See the port."""
        keys, args = _packed(batch, self._keys)
        try:
            spoilt = {keys[number - 1] for number in await self._call(keys, args)}
        except ReadOnlyError as error:
            await self._events.connection_pool.disconnect()  # after a failover the name leads to another server
            raise _translated(error) from error
        except (RedisError, OSError, TimeoutError) as error:
            raise _translated(error) from error
        if spoilt:
            raise NoInbox({entry.app for entry in batch if self._keys.inbox(entry.app) in spoilt})

    async def ping(self) -> None:
        """Ask Redis for a sign of life; those who ask at the same time share one. Raises :class:`Unavailable`."""
        if self._pinging is None or self._pinging.done():
            self._pinging = asyncio.create_task(self._ping())
        await asyncio.shield(self._pinging)

    async def doubts(self) -> Sequence[Doubt] | None:
        """For what the server that events go to may lose what it acknowledged; None: it does not answer."""
        try:
            return await redis_doubts(self._asked)
        except (RedisError, OSError, TimeoutError):
            return None

    async def close(self) -> None:
        """Close the connections."""
        await self._events.aclose()
        await self._probe.aclose()

    async def _call(self, keys: list[str], args: list[bytes | int]) -> Sequence[int]:
        """The numbers of those of ``keys`` that are no streams."""
        command: Callable[..., Awaitable[Sequence[int]]] = self._events.execute_command
        try:
            return await command("EVALSHA", _SHA, len(keys), *keys, *args)
        except NoScriptError:  # first use, or SCRIPT FLUSH, or another server: this sends the text, once
            return await command("EVAL", APPEND, len(keys), *keys, *args)

    async def _asked(self, *words: str) -> Any:
        """What the server says; None: it refuses the question to us."""
        command: Callable[..., Awaitable[Any]] = self._events.execute_command
        try:
            return await command(*words)
        except ResponseError as error:
            if _code(error) in _NOT_NOW:
                raise
            return None

    def _connected(self) -> None:
        self.connections += 1

    async def _ping(self) -> None:
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self._probe.ping()
        except (RedisError, OSError, TimeoutError) as error:
            raise _translated(error) from error


def _client(url: str, timeout_s: float, connected: Callable[[], None] = lambda: None) -> Redis:
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=1,
        timeout=timeout_s,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        client_name="webhook-gateway",
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    pool.connection_class = type(
        "Connection", (_OurConnection, pool.connection_class), {"connected": staticmethod(connected)}
    )
    return Redis.from_pool(pool)


class _OurConnection:
    """Packs in C (a batch has hundreds of arguments; redis-py's asyncio connection would pack each of them in Python),
    tells when it is made (the client reconnects in silence), and swallows no cancellation.
    """

    connected: Callable[[], None]

    async def on_connect_check_health(self, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - theirs
        self.connected()
        await super().on_connect_check_health(check_health)  # type: ignore[misc] # of the class it is mixed into

    def pack_command(self, name: str, *args: Any) -> list[bytes]:
        return [hiredis.pack_command((*name.split(), *args))]

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - theirs
        """redis-py sends inside ``asyncio.wait_for``, which before Python 3.12 passes over a cancellation that comes in
        the turn of the loop in which the sending ends: who was cancelled would go on, and the process never end.
        """
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        await super().send_packed_command(command, check_health)  # type: ignore[misc] # of the class it is mixed into
        if task and task.cancelling() > before:
            await self.disconnect(nowait=True)  # type: ignore[attr-defined] # nobody will read the reply
            raise asyncio.CancelledError


def _packed(batch: Sequence[Entry], keys: Keys) -> tuple[list[str], list[bytes | int]]:
    """KEYS and ARGV of the script."""
    numbers: dict[AppId, int] = {}
    args: list[bytes | int] = []
    for entry in batch:
        args += (numbers.setdefault(entry.app, len(numbers) + 1), entry.payload)
    return [keys.inbox(app) for app in numbers], args


def _translated(error: Exception) -> Unavailable:
    """What a fault of Redis means to us, in words of ours: Redis' own text may quote what it was sent."""
    for kind, reason, retry_after_s in _MEANINGS:
        if isinstance(error, kind):
            return Unavailable(reason, retry_after_s=retry_after_s)
    if isinstance(error, RedisConnectionError | OSError):
        return Interrupted("redis is away")
    return Unavailable(f"redis refuses: {_code(error)}")


_MEANINGS = (
    (RedisTimeoutError, "redis is slower than the limit", 1),
    (TimeoutError, "redis is slower than the limit", 1),
    (AuthenticationError, "redis refuses our credentials", 10),
    (BusyLoadingError, "redis is loading", 1),
    (MaxConnectionsError, "no connection to redis is free", 1),
    (OutOfMemoryError, "redis is out of memory", 5),
    (ReadOnlyError, "redis is read-only", 1),
)
"""Kinds of faults, the special ones first (several are connection errors to redis-py), with seconds to wait."""


_NOT_NOW = ("BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "TRYAGAIN")
"""Codes of errors that pass by themselves: they say nothing of what is allowed to us."""


def _code(error: Exception) -> str:
    """The first word of the answer where it is a code of Redis' (WRONGTYPE, MISCONF, NOAUTH, …)."""
    word = str(error).split(" ", 1)[0]
    return word if word.isascii() and word.isalpha() and word.isupper() else "an error"
