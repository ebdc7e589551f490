"""A task that is cancelled in the middle of a call of Redis ends there, at whatever moment the cancellation comes."""

import asyncio
from contextlib import suppress

import pytest
from redis.asyncio.connection import AbstractConnection

from allocator.adapters.redis import RedisInbox, RedisLease
from contract import AppId, Keys

TTL_S = 5.0


@pytest.fixture
async def lease(redis_url):
    made = RedisLease(redis_url, Keys())
    yield made
    await made.close()


@pytest.fixture
async def inbox(redis_url):
    made = RedisInbox(redis_url, Keys(), [AppId("sim-app")], 1.0)
    yield made
    await made.close()


async def cancelled_when_sent(monkeypatch, call):
    """Make ``call`` in a task that is cancelled in the very turn of the loop in which its command has been sent."""
    send = AbstractConnection._send_packed_command
    task = asyncio.create_task(call)

    async def send_and_cancel(connection, command):
        await send(connection, command)
        task.cancel()

    monkeypatch.setattr(AbstractConnection, "_send_packed_command", send_and_cancel)
    with suppress(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    return task


async def test_a_renewal_that_is_cancelled_does_not_go_on(lease, monkeypatch):
    await lease.acquire("me", TTL_S, None)
    task = await cancelled_when_sent(monkeypatch, lease.renew("me", TTL_S))
    assert task.cancelled()
    assert await lease.renew("me", TTL_S), "the next call reads its own reply"


async def test_a_reading_that_is_cancelled_does_not_go_on(inbox, monkeypatch):
    await inbox.read(10, 0.01)
    task = await cancelled_when_sent(monkeypatch, inbox.read(10, 0.01))
    assert task.cancelled()
    assert await inbox.read(10, 0.01) == []
