"""Many apps at once: what is read together goes into one transaction."""

from collections import Counter

import pytest
import redis.asyncio as redis

from allocator.adapters.redis import ENTRIES_MAX, RedisInbox
from allocator.core.ids import AppId
from contract import ENTRY_FIELD, Keys, RoomWaiting, encode, new_event_id

APPS = [AppId(f"sim-{number}") for number in range(40)]
EACH = 300


@pytest.fixture
async def inbox(redis_url):
    client = redis.from_url(redis_url)
    keys = Keys("many")
    async with client.pipeline(transaction=False) as pipeline:
        for app in APPS:
            for number in range(EACH):
                event = RoomWaiting(id=new_event_id(), app=app, room=str(number), received_ms=0, source="wa")
                pipeline.xadd(keys.inbox(app), {ENTRY_FIELD: encode(event)})
        await pipeline.execute()
    made = RedisInbox(redis_url, keys, APPS, 2.0)
    yield made
    await made.close()
    await client.aclose()


async def test_after_a_long_silence_no_app_is_left_out_and_no_round_gets_more_than_it_can_write(inbox):
    entries = await inbox.read(500, 1.0)
    of_apps = Counter(entry.app for entry in entries)
    assert set(of_apps) == set(APPS)
    assert len(APPS) * EACH > len(entries) == ENTRIES_MAX
    await inbox.delete(entries)
    assert len(await inbox.read(500, 1.0)) == len(APPS) * EACH - ENTRIES_MAX
