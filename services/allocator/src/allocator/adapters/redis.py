"""Redis: the inbox and the lease. The only module that knows redis-py.

redis-py sends a command again by itself, several times, unless told not to. What is sent twice must not matter:
the inbox's commands are idempotent (read from the head, delete by id), so they may be sent once more on a fresh
connection; the lease's are never repeated, because how long the lease is ours depends on when it was asked for.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from allocator.core.intake import Arrival
from allocator.ports import Entry, Holder, Queue, Unavailable
from chassis.durability import Doubt
from chassis.logs import logger
from chassis.redis_doubts import redis_doubts
from contract import ENTRY_FIELD, AppId, Keys, Unreadable, decode

_log = logger(__name__)

CALL_TIMEOUT_S = 1.0
PUT_ASIDE_MAX = 10_000
ENTRIES_MAX = 8_000
"""So many of all apps are read at once: they go into one transaction, which has its time limit."""
_NOT_NOW = ("BUSY ", "CLUSTERDOWN ", "LOADING ", "MASTERDOWN ", "TRYAGAIN ")
"""How errors begin that pass by themselves: they say nothing of what is allowed to us."""
_LAST_MS = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp()) * 1000
_HOLDER = re.compile(r"(.*)\|([0-9]+)", re.DOTALL)

_ALLOWED = "#!lua flags=allow-oom"
"""Redis runs it also when its memory is full: what fills it may be the inbox, which only a leader takes out. A lease
is a few bytes, and there is one.
"""

_ACQUIRE = f"""{_ALLOWED}
local held = redis.call('GET', KEYS[1])
local owner = held and string.match(held, '^(.*)|%d+$')
if not held or held == ARGV[3] then
  held = ARGV[1] .. '|0'
elseif owner ~= ARGV[1] then
  return held
end
redis.call('SET', KEYS[1], held, 'PX', ARGV[2])
return held
"""

_RENEW = f"""{_ALLOWED}
local owner, counter = string.match(redis.call('GET', KEYS[1]) or '', '^(.*)|(%d+)$')
if owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], owner .. '|' .. string.format('%d', counter + 1), 'PX', ARGV[2])
return 1
"""

_RELEASE = f"""{_ALLOWED}
local owner = string.match(redis.call('GET', KEYS[1]) or '', '^(.*)|%d+$')
if owner ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('RPUSH', KEYS[2], '1')
redis.call('PEXPIRE', KEYS[2], 1000)
return 1
"""


def connect(url: str, *, timeout_s: float, sends: int) -> Redis:
    """A client whose calls end within ``timeout_s`` and are sent at most ``sends`` times."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=4,
        timeout=timeout_s,
        socket_timeout=timeout_s,
        socket_connect_timeout=min(timeout_s, CALL_TIMEOUT_S),
        retry=Retry(NoBackoff(), sends - 1),
        protocol=3,
    )
    pool.connection_class = type("Connection", (_Cancellable, pool.connection_class), {})
    return Redis.from_pool(pool)


class _Cancellable:
    """Does not swallow a cancellation. redis-py sends inside ``asyncio.wait_for``, which before Python 3.12 passes over
    one that comes in the turn of the loop in which the sending ends. Who was cancelled would go on, for ever: a leader
    that left would renew its lease, and nobody could lead.
    """

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - theirs
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        await super().send_packed_command(command, check_health)  # type: ignore[misc] # of the class it is mixed into
        if task and task.cancelling() > before:
            await self.disconnect(nowait=True)  # type: ignore[attr-defined] # nobody will read the reply
            raise asyncio.CancelledError


class RedisInbox:
    """The :class:`~allocator.ports.Inbox`, one stream for each app."""

    def __init__(self, url: str, keys: Keys, apps: Sequence[AppId], longest_wait_s: float) -> None:
        self._redis = connect(url, timeout_s=longest_wait_s + CALL_TIMEOUT_S, sends=2)
        self._keys = keys
        self._apps = {keys.inbox(app).encode(): app for app in apps}
        self._spoilt: dict[bytes, str] = {}
        """Keys of inboxes that are no streams, and what they are: somebody wrote there by hand."""

    async def read(self, at_most: int, wait_s: float) -> Sequence[Entry]:
        """See the port."""
        async with translated():
            if self._spoilt:
                await self._look_at_types()
            try:
                found = await self._read(at_most, wait_s)
            except ResponseError as error:
                if not _is_wrong_type(error):
                    raise
                await self._look_at_types()
                found = await self._read(at_most, wait_s)
        return list(self._entries(found))

    async def delete(self, entries: Sequence[Entry]) -> None:
        """See the port."""
        pipeline = self._redis.pipeline(transaction=False)
        for app in {entry.app for entry in entries}:
            mine = [entry for entry in entries if entry.app == app]
            for entry in mine:
                if entry.arrival is None:
                    self._put_aside(pipeline, entry)
            pipeline.xdel(self._keys.inbox(app), *[entry.id for entry in mine])
        async with translated():
            await pipeline.execute()

    async def queues(self) -> Mapping[AppId, Queue]:
        """See the port."""
        pipeline = self._redis.pipeline(transaction=False)
        for stream in self._apps:
            pipeline.execute_command("XLEN", stream)
            pipeline.execute_command("XRANGE", stream, "-", "+", "COUNT", 1)
        async with translated():
            found = await pipeline.execute(raise_on_error=False)
            _raise_first(found)
        return {
            app: Queue(length=length, head=_head(first))
            for app, length, first in zip(self._apps.values(), found[::2], found[1::2], strict=True)
            if not isinstance(length, Exception) and not isinstance(first, Exception)
        }

    async def doubts(self) -> Sequence[Doubt] | None:
        """For what this server may lose what it acknowledged; None: it does not answer."""
        return await doubts_of(self._redis)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _read(self, at_most: int, wait_s: float) -> Any:
        streams = [stream for stream in self._apps if stream not in self._spoilt]
        if not streams:
            raise Unavailable("Redis: what stands in place of the inbox is no stream")
        block = max(1, int(wait_s * 1000))
        each = min(at_most, max(1, ENTRIES_MAX // len(streams)))
        heads = [b"0-0"] * len(streams)  # bytes, which the library need not encode for each app anew
        return await self._redis.execute_command("XREAD", "COUNT", each, "BLOCK", block, "STREAMS", *streams, *heads)

    async def _look_at_types(self) -> None:
        """One app's inbox that is no stream any more must not hold up those of the others; nor may it go unseen."""
        pipeline = self._redis.pipeline(transaction=False)
        for stream in self._apps:
            pipeline.type(stream)
        types = [str(found, "ascii") for found in await pipeline.execute()]
        before, self._spoilt = (
            self._spoilt,
            {stream: what for stream, what in zip(self._apps, types, strict=True) if what not in {"stream", "none"}},
        )
        for stream in self._spoilt.keys() - before.keys():
            _say_spoilt(self._apps[stream], stream.decode(), self._spoilt[stream])
        for stream in before.keys() - self._spoilt.keys():
            _log.info("inbox_is_a_stream_again", app=self._apps[stream])

    def _put_aside(self, pipeline: Any, entry: Entry) -> None:
        """Copied by the server, so that its content does not pass through us a second time. Of one with thousands of
        fields the first few hundred: a script cannot pass on more.
        """
        script = """
        local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
        if #found == 0 then return end
        local fields = { unpack(found[1][2], 1, math.min(#found[1][2], 1000)) }
        redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'why', ARGV[3], unpack(fields))
        """
        keys = self._keys.inbox(entry.app), self._keys.put_aside(entry.app)
        pipeline.eval(script, 2, *keys, entry.id, PUT_ASIDE_MAX, entry.why or "")

    def _entries(self, found: Any) -> Iterator[Entry]:
        for stream, batches in _pairs(found):
            app = self._apps[stream]
            for entry_id, fields in _flat(batches):
                yield _entry(app, entry_id.decode(), fields)


class RedisLease:
    """The :class:`~allocator.ports.Lease`, on connections of its own."""

    def __init__(self, url: str, keys: Keys) -> None:
        self._redis = connect(url, timeout_s=CALL_TIMEOUT_S, sends=1)
        self._lease, self._handover = keys.lease, keys.handover
        self._acquire = self._redis.register_script(_ACQUIRE)
        self._renew = self._redis.register_script(_RENEW)
        self._release = self._redis.register_script(_RELEASE)

    async def acquire(self, owner: str, ttl_s: float, stale: Holder | None) -> Holder:
        """See the port."""
        seen = f"{stale.owner}|{stale.counter}" if stale else ""
        async with translated():
            held = await self._acquire(keys=[self._lease], args=[owner, int(ttl_s * 1000), seen])
        return holder_of(held.decode())

    async def renew(self, owner: str, ttl_s: float) -> bool:
        """See the port."""
        async with translated():
            return bool(await self._renew(keys=[self._lease], args=[owner, int(ttl_s * 1000)]))

    async def release(self, owner: str) -> bool:
        """See the port."""
        async with translated():
            return bool(await self._release(keys=[self._lease, self._handover], args=[owner]))

    async def wait_for_release(self, at_most_s: float) -> None:
        """See the port."""
        async with translated():
            await self._redis.execute_command("BLPOP", self._handover, min(at_most_s, CALL_TIMEOUT_S / 2))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


async def doubts_of(redis: Redis) -> Sequence[Doubt] | None:
    """For what this server may lose what it acknowledged; None: it does not answer."""

    async def asked(*words: str) -> Any:
        """What the server says; None: it refuses the question to us."""
        try:
            return await redis.execute_command(*words)
        except ResponseError as error:
            if str(error).startswith(_NOT_NOW):
                raise
            return None

    try:
        return await redis_doubts(asked)
    except (RedisError, OSError, TimeoutError):
        return None


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """The library's errors in the block come out as the port's."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise Unavailable(f"Redis: {type(error).__name__}") from error


def holder_of(text: str) -> Holder:
    """Who has a lease that holds ``text``."""
    match = _HOLDER.fullmatch(text)
    return Holder(match[1], int(match[2])) if match else Holder(text, -1)


def _pairs(found: Any) -> Iterator[tuple[bytes, Any]]:
    """A reply to XREAD: a map under RESP3, a list of pairs under RESP2, nothing at all in time."""
    yield from (found.items() if isinstance(found, dict) else found or ())


def _flat(batches: Any) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
    """redis-py wraps a stream's entries in one more list under RESP3."""
    for item in batches:
        if item and isinstance(item[0], bytes):
            yield item[0], _fields(item[1])
        else:
            yield from _flat(item)


def _fields(raw: Any) -> dict[bytes, bytes]:
    if isinstance(raw, dict):
        return raw
    flat = list(raw or ())
    return dict(zip(flat[::2], flat[1::2], strict=False))


def _entry(app: AppId, entry_id: str, fields: dict[bytes, bytes]) -> Entry:
    try:
        event = decode(fields.get(ENTRY_FIELD, b""))
    except Unreadable as error:
        return Entry(app=app, id=entry_id, arrival=None, why=str(error))
    if event.app != app:
        return Entry(app=app, id=entry_id, arrival=None, why="an event of another app")
    return Entry(app=app, id=entry_id, arrival=Arrival(event=event, at=place_of(entry_id), found=False), why=None)


def _is_wrong_type(error: object) -> bool:
    return isinstance(error, ResponseError) and str(error).startswith("WRONGTYPE")


def _raise_first(replies: Sequence[object]) -> None:
    """Raise what went wrong, other than that a key is no stream."""
    for reply in replies:
        if isinstance(reply, Exception) and not _is_wrong_type(reply):
            raise reply


def _say_spoilt(app: AppId, key: str, what: str) -> None:
    _log.error(
        "inbox_is_no_stream",
        app=app,
        key=key,
        type=what,
        why="somebody wrote to the key by hand",
        then="webhooks of this app are answered 503, and its customers wait; other apps go on",
        remedy=f"look at what is in it, then RENAME or DEL {key}: the sweep finds who waits",
    )


def _head(entries: Any) -> datetime | None:
    return next((place_of(entry_id.decode()) for entry_id, _ in _flat(entries or ())), None)


def place_of(entry_id: str) -> datetime:
    """When Redis accepted an entry: ``milliseconds-sequence``. The sequence becomes microseconds, so that the
    order of a stream is the order of these times. One from beyond the calendar (an id given by hand, a clock gone mad)
    is from its last day, and so are all that Redis accepts after it.
    """
    milliseconds, sequence = entry_id.split("-")
    micros = min(int(milliseconds), _LAST_MS) * 1000 + min(int(sequence), 999)
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
