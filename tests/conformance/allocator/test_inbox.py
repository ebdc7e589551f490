"""What the leader may expect of the inbox: the one in memory and the one in Redis alike."""

import asyncio
import time

import pytest
import redis
from structlog.testing import capture_logs

from allocator.adapters.redis import RedisInbox
from allocator.ports import Unavailable
from contract import ENTRY_FIELD, AppId, Keys, RoomId, RoomResolved, RoomWaiting, encode, new_event_id
from simulation import nearby
from simulation.remote import RemoteInbox
from support.memory import MemoryInbox, VirtualClock

ONE, TWO = AppId("one"), AppId("two")
KEYS = Keys("conformance")


class InMemory:
    """The one in memory, and the gateway's side of it."""

    def __init__(self):
        self.inbox = MemoryInbox(VirtualClock(), [ONE, TWO])
        self.append, self.left, self.put_aside = self.inbox.append_bytes, self.inbox.left, self.inbox.put_aside
        self.spoil, self.mend = self.inbox.spoil, self.inbox.mend

    async def close(self):
        """Nothing is open."""


class Remote(InMemory):
    """The one in memory, over a network."""

    def __init__(self):
        super().__init__()
        self.inbox = RemoteInbox(self.inbox, nearby.link())


class InRedis:
    """The one in Redis, and the gateway's side of it."""

    def __init__(self, url):
        self.inbox = RedisInbox(url, KEYS, [ONE, TWO], 2.0)
        self.redis = redis.Redis.from_url(url)

    def append(self, app, content):
        return self.redis.xadd(KEYS.inbox(app), {ENTRY_FIELD: content}).decode()

    def left(self, app):
        return [entry_id.decode() for entry_id, _ in self.redis.xrange(KEYS.inbox(app))]

    def spoil(self, app):
        self.redis.set(KEYS.inbox(app), "by hand")

    def mend(self, app):
        self.redis.delete(KEYS.inbox(app))

    def put_aside(self, app):
        entries = [fields for _, fields in self.redis.xrange(KEYS.put_aside(app))]
        return [(fields[b"why"].decode(), fields[ENTRY_FIELD]) for fields in entries]

    async def close(self):
        await self.inbox.close()
        self.redis.close()


@pytest.fixture(params=["memory", "remote", "redis"])
async def case(request):
    simple = {"memory": InMemory, "remote": Remote}
    made = simple[request.param]() if request.param in simple else InRedis(request.getfixturevalue("redis_url"))
    yield made
    await made.close()


def waits(room="100", *, app=ONE):
    return RoomWaiting(id=new_event_id(), app=app, room=RoomId(room), received_ms=0, source="wa")


async def test_an_empty_inbox_makes_wait_for_the_first_entry(case):
    reading = asyncio.create_task(case.inbox.read(10, 20))
    await asyncio.sleep(0.05)
    assert not reading.done()
    started = time.monotonic()
    case.append(ONE, encode(waits()))
    assert len(await reading) == 1
    assert time.monotonic() - started < 10


async def test_waiting_for_an_entry_ends(case):
    started = time.monotonic()
    assert list(await case.inbox.read(10, 0.1)) == []
    assert time.monotonic() - started > 0.05


async def test_events_come_whole_and_in_the_order_of_their_ids(case):
    events = [waits(str(number)) for number in range(20)]
    ids = [case.append(ONE, encode(event)) for event in events]
    entries = await case.inbox.read(100, 1)
    assert [entry.id for entry in entries] == ids
    assert [entry.arrival.event for entry in entries] == events
    places = [entry.arrival.at for entry in entries]
    assert places == sorted(places)
    assert len(set(places)) == len(places)
    assert not any(entry.arrival.found for entry in entries)


async def test_the_place_of_an_event_is_when_the_inbox_took_it(case):
    entry_id = case.append(ONE, encode(waits()))
    (entry,) = await case.inbox.read(10, 1)
    assert int(entry.arrival.at.timestamp() * 1000) == int(entry_id.split("-")[0])


async def test_it_tells_how_much_waits_and_since_when(case):
    found = await case.inbox.queues()
    assert {app: (queue.length, queue.head) for app, queue in found.items()} == {ONE: (0, None), TWO: (0, None)}
    for number in range(3):
        case.append(ONE, encode(waits(str(number))))
    entries = await case.inbox.read(10, 1)
    queue = (await case.inbox.queues())[ONE]
    assert (queue.length, queue.head) == (3, entries[0].arrival.at)
    await case.inbox.delete(entries)
    assert (await case.inbox.queues())[ONE].length == 0


async def test_reading_starts_at_the_head_until_it_is_deleted(case):
    for number in range(3):
        case.append(ONE, encode(waits(str(number))))
    first = await case.inbox.read(2, 1)
    assert await case.inbox.read(2, 1) == first
    await case.inbox.delete(first)
    assert [entry.arrival.event.room for entry in await case.inbox.read(2, 1)] == ["2"]


async def test_of_each_app_at_most_so_many_come(case):
    for number in range(5):
        case.append(ONE, encode(waits(str(number))))
        case.append(TWO, encode(waits(str(number), app=TWO)))
    entries = await case.inbox.read(2, 1)
    for app in (ONE, TWO):
        assert [entry.arrival.event.room for entry in entries if entry.app == app] == ["0", "1"]


async def test_apps_are_deleted_apart(case):
    case.append(ONE, encode(waits()))
    case.append(TWO, encode(waits(app=TWO)))
    entries = await case.inbox.read(10, 1)
    await case.inbox.delete([entry for entry in entries if entry.app == TWO])
    assert (len(case.left(ONE)), len(case.left(TWO))) == (1, 0)


async def test_deleting_again_changes_nothing(case):
    case.append(ONE, encode(waits()))
    case.append(ONE, b"nonsense")
    entries = await case.inbox.read(10, 1)
    for _ in range(2):
        await case.inbox.delete(entries)
    assert case.left(ONE) == []
    assert len(case.put_aside(ONE)) == 1


async def test_deleting_nothing_is_nothing(case):
    await case.inbox.delete([])


NEWER = encode(waits()).replace(b'"v":"1.0"', b'"v":"2.0"')


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"{", b"[]", b'{"kind":"room_waiting"}', b'{"kind":"room_gone"}', NEWER, b"[" * 10_000],
    ids=["nothing", "not text", "half", "a list", "no fields", "another kind", "a newer major", "deep"],
)
async def test_what_nobody_can_read_is_put_aside_whole_with_the_reason(case, content):
    case.append(ONE, content)
    case.append(ONE, encode(waits()))
    bad, good = await case.inbox.read(10, 1)
    assert bad.arrival is None
    assert bad.why
    assert good.arrival is not None
    await case.inbox.delete([bad, good])
    assert case.left(ONE) == []
    assert case.put_aside(ONE) == [(bad.why, content)]


async def test_an_event_in_the_inbox_of_another_app_is_not_read(case):
    case.append(ONE, encode(waits(app=TWO)))
    (entry,) = await case.inbox.read(10, 1)
    assert (entry.arrival, entry.why) == (None, "an event of another app")


async def test_a_newer_minor_version_with_more_fields_is_read(case):
    event = waits()
    case.append(ONE, encode(event).replace(b'"v":"1.0"', b'"v":"1.9","mood":"good"'))
    (entry,) = await case.inbox.read(10, 1)
    assert (entry.arrival.event.id, entry.arrival.event.room) == (event.id, event.room)


async def test_a_resolve_comes_with_its_number(case):
    event = RoomResolved(id=new_event_id(), app=ONE, room=RoomId("7"), received_ms=5, service=2**62)
    case.append(ONE, encode(event))
    (entry,) = await case.inbox.read(10, 1)
    assert entry.arrival.event == event


async def test_who_gives_up_reading_leaves_an_inbox_that_works(case):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(case.inbox.read(10, 1.5), 0.05)
    case.append(ONE, encode(waits()))
    assert len(await case.inbox.read(10, 1)) == 1


async def test_an_app_whose_inbox_is_something_else_by_hand_holds_up_no_other(case):
    case.spoil(ONE)
    case.append(TWO, encode(waits(app=TWO)))
    (entry,) = await case.inbox.read(10, 1)
    assert entry.app == TWO
    await case.inbox.delete([entry])
    assert case.left(TWO) == []
    assert (await case.inbox.queues()).keys() == {TWO}
    assert list(await case.inbox.read(10, 0.05)) == []
    case.mend(ONE)
    case.append(ONE, encode(waits()))
    assert [one.app for one in await case.inbox.read(10, 1)] == [ONE]
    assert (await case.inbox.queues()).keys() == {ONE, TWO}


async def test_an_inbox_that_is_spoilt_while_it_is_waited_for_holds_up_no_other(case):
    reading = asyncio.create_task(case.inbox.read(10, 20))
    await asyncio.sleep(0.05)
    case.spoil(ONE)
    case.append(TWO, encode(waits(app=TWO)))
    assert [one.app for one in await reading] == [TWO]


async def test_where_no_inbox_is_one_it_is_unavailable_and_is_read_when_it_is_mended(case):
    for app in (ONE, TWO):
        case.spoil(app)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await case.inbox.read(10, 0.1)
    case.mend(ONE)
    case.append(ONE, encode(waits()))
    assert [one.app for one in await case.inbox.read(10, 1)] == [ONE]


async def test_an_inbox_that_is_none_is_told_of_once_and_so_is_its_end(redis_url):
    case = InRedis(redis_url)
    case.spoil(ONE)
    with capture_logs() as lines:
        for _ in range(3):
            await case.inbox.read(10, 0.01)
        case.mend(ONE)
        for _ in range(2):
            await case.inbox.read(10, 0.01)
    await case.close()
    assert [(line["log_level"], line["event"], line["app"]) for line in lines] == [
        ("error", "inbox_is_no_stream", ONE),
        ("info", "inbox_is_a_stream_again", ONE),
    ]
    assert lines[0]["type"] == "string"
