"""Reading and answering on a raw ASGI route, where the framework sets no bounds: here are ours.

Knows bytes and seconds, no status codes' meaning and no webhook.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.types import HTTPResponseBodyEvent, HTTPResponseStartEvent, Receive, Scope, Send

from webhook_gateway.deadlines import Deadlines

LINGER_BYTES = 1_048_576
LINGER_S = 0.5
_SLOW = "the body is too slow"


class TooLarge(Exception):
    """The body is, or says it is, over the bound."""


class TooSlow(Exception):
    """The body did not come in within its time."""


class Gone(Exception):
    """The caller went away before the body was complete."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """An answer, ready to be sent as often as needed. ``reason``: what logs say of it."""

    status: int
    reason: str
    start: HTTPResponseStartEvent
    body: HTTPResponseBodyEvent


def answer(status: int, reason: str, content: object, media_type: str, headers: Mapping[str, str]) -> Answer:
    """``content`` as JSON of ``media_type`` under ``headers``, in the order in which the framework sends them."""
    body = msgspec.json.encode(content)
    lines = {**headers, "content-type": media_type, "content-length": str(len(body))}
    return Answer(
        status=status,
        reason=reason,
        start={
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in lines.items()],
        },
        body={"type": "http.response.body", "body": body, "more_body": False},
    )


def patience(timeout_s: float) -> Deadlines[asyncio.Task[Any]]:
    """How long bodies may take, for :func:`read_body`; one for all of them."""
    return Deadlines(timeout_s, _interrupt)


def _interrupt(reading: asyncio.Task[Any]) -> None:
    reading.cancel(_SLOW)


async def read_body(scope: Scope, receive: Receive, limit: int, deadlines: Deadlines[asyncio.Task[Any]]) -> bytes:
    """The body, at most ``limit`` bytes, within the time of ``deadlines``. Raises TooLarge, TooSlow, Gone."""
    if _announced(scope) > limit:
        raise TooLarge
    task = asyncio.current_task()
    assert task is not None
    deadlines.add(task)
    try:
        return await _read(receive, limit)
    except asyncio.CancelledError as error:
        if error.args != (_SLOW,):
            raise
        task.uncancel()
        raise TooSlow from None
    finally:
        deadlines.remove(task)


async def send_answer(send: Send, message: Answer) -> None:
    """Send ``message``."""
    await send(message.start)
    await send(message.body)


async def send_and_linger(receive: Receive, send: Send, message: Answer) -> None:
    """Send ``message`` to somebody who may still be sending, and listen a little before the connection closes.

    Closed at once, with bytes unread, the connection is reset, and a reset can overtake the answer.
    """
    await send(message.start)
    await send({**message.body, "more_body": True})
    try:
        async with asyncio.timeout(LINGER_S):
            await _read(receive, LINGER_BYTES, keep=False)
    except (TimeoutError, TooLarge, Gone):
        pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _read(receive: Receive, limit: int, *, keep: bool = True) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        size += len(message["body"])
        if size > limit:
            raise TooLarge
        if keep:
            chunks.append(message["body"])
        if not message["more_body"]:
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)  # digits: the server has refused anything else
    return 0
