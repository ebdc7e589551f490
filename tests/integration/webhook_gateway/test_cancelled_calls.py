"""What is cancelled at the end of a gateway ends, at whatever moment of a call of Redis the cancellation comes."""

import asyncio
from contextlib import suppress

from redis.asyncio.connection import AbstractConnection

from contract import Keys
from webhook_gateway.inbox import RedisInbox


async def test_a_question_that_is_cancelled_when_it_was_sent_does_not_go_on(redis_url, monkeypatch):
    inbox = RedisInbox(redis_url, Keys(), 0.9)
    await inbox.doubts()
    send, task = AbstractConnection._send_packed_command, asyncio.create_task(inbox.doubts())

    async def send_and_cancel(connection, command):
        await send(connection, command)
        task.cancel()

    monkeypatch.setattr(AbstractConnection, "_send_packed_command", send_and_cancel)
    with suppress(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    assert task.cancelled()
    assert await inbox.doubts() == (), "the next call reads its own reply"
    await inbox.close()
