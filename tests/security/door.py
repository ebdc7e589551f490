"""The way in as an attacker meets it: sockets, and what may come back through them."""

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

CONNECTIONS = 16
ANSWER_S = 20.0
QUIET_S = 0.03
ANSWERED = frozenset({200, 204, 400, 403, 404, 405, 408, 413, 503})
"""What the gateway's documents promise; and 204, which is the framework's to an OPTIONS of a health page."""
HEADERS = frozenset(
    [
        "allow",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "date",
        "retry-after",
        "transfer-encoding",
    ]
)
_HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Za-z -]*\r\n((?:[^\r\n]+\r\n)*)\r\n")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Wrong(Exception):
    """Something came back that must not; the sentence says what."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        """The last word of a problem's type, or of what was accepted."""
        content = json.loads(self.body)
        return str(content.get("type", content.get("status"))).rsplit(":", 1)[-1]


def request(path: str, body: bytes) -> bytes:
    """A webhook as an honest client sends it."""
    return f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


async def posts(port: int, requests: Sequence[bytes]) -> list[Reply]:
    """Send ``requests``, many at once over a few connections; their answers, in the same order."""
    shares = [requests[number::CONNECTIONS] for number in range(CONNECTIONS)]
    answers = await asyncio.gather(*(_one_after_another(port, share) for share in shares if share))
    found: list[Reply | None] = [None] * len(requests)
    for number, share in enumerate(answers):
        found[number::CONNECTIONS] = share
    return [reply for reply in found if reply is not None]


async def says(port: int, pieces: Sequence[bytes]) -> bytes:
    """Send ``pieces`` as they are, hang up when nothing more comes back, and return what did."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    received = bytearray()
    try:
        async with asyncio.timeout(ANSWER_S):
            with suppress(OSError):  # it may hang up on us, in the middle of anything
                await _send(writer, pieces)
                await _until_quiet(reader, received)
                writer.write_eof()
                received += await reader.read()
    except TimeoutError:
        raise Wrong(f"the connection is still open after {ANSWER_S} s") from None
    finally:
        writer.transport.abort()
    return bytes(received)


def check_answers(received: bytes) -> list[int]:
    """The status of every answer in ``received``. Raises :class:`Wrong` for one that must not be."""
    heads = list(_HEAD.finditer(received.replace(_CONTINUE, b"")))
    statuses = [int(head[1]) for head in heads]
    if received and not received.startswith(b"HTTP/1.1 "):
        raise Wrong(f"what came back is not HTTP: {received[:80]!r}")
    if len(heads) != received.count(b"HTTP/1.1 ") - received.count(_CONTINUE):
        raise Wrong(f"a head that is none of ours: {received[:400]!r}")
    for status, head in zip(statuses, heads, strict=True):
        check_head(status, dict(_lines(head[2])))
    return statuses


def check_head(status: int, headers: dict[str, str]) -> None:
    """Raise :class:`Wrong` for a status or a header that the gateway does not have."""
    if status not in ANSWERED:
        raise Wrong(f"it answered {status}, which nothing promises")
    if odd := headers.keys() - HEADERS:
        raise Wrong(f"it answered with the headers {sorted(odd)}")
    if status == 503 and "retry-after" not in headers:
        raise Wrong("a 503 does not say when to come again")


async def _one_after_another(port: int, requests: Sequence[bytes]) -> list[Reply]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    sending = asyncio.create_task(_send(writer, requests))
    try:
        async with asyncio.timeout(ANSWER_S):
            return [await _read(reader) for _ in requests]
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
        raise Wrong(f"a webhook was not answered: {type(error).__name__}") from None
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Reply:
    head = await reader.readuntil(b"\r\n\r\n")
    match = _HEAD.fullmatch(head)
    if match is None:
        raise Wrong(f"a head that is none of ours: {head[:400]!r}")
    headers = dict(_lines(match[2]))
    check_head(int(match[1]), headers)
    return Reply(int(match[1]), headers, await reader.readexactly(int(headers["content-length"])))


def _lines(block: bytes) -> Iterator[tuple[str, str]]:
    for line in block.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(": ")
        if name:
            yield name.lower(), value


async def _send(writer: asyncio.StreamWriter, pieces: Sequence[bytes]) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)


async def _until_quiet(reader: asyncio.StreamReader, received: bytearray) -> None:
    with suppress(TimeoutError):
        while data := await asyncio.wait_for(reader.read(2**16), QUIET_S):
            received += data
