"""A TCP proxy that stands between two of our parts and misbehaves as networks do, on demand.

It runs on a thread of its own, so that tests without an event loop can use it.
"""

import asyncio
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from itertools import count
from types import TracebackType
from typing import Self

from one_machine.ports import HOST, free_port

CHUNK = 65_536
JOIN_S = 5.0


class Mood(StrEnum):
    """How a proxy treats what passes."""

    PASS = "pass"
    """Everything goes through."""
    CUT = "cut"
    """Connections are reset, new ones as well."""
    SILENT = "silent"
    """Connections stay, and are made; nothing goes through in either direction until it is mended."""
    REPLIES_LOST = "replies lost"
    """What the client says arrives, what the server answers does not: an effect without a reply."""


class Proxy:
    """Listens on ``port`` and passes each connection on to the next of ``targets`` that takes it.

    With ``tls`` it speaks that to its clients; the certificate may be changed there while it runs.
    """

    def __init__(self, targets: Sequence[int], *, tls: ssl.SSLContext | None = None) -> None:
        self.port = free_port()
        self.targets = list(targets)
        self._tls = tls
        self.delay_s = 0.0
        self.lost = 0
        """How many replies were lost by :meth:`lose_replies_to`."""
        self._marker = b""
        self._losses_left = 0
        self._mood = Mood.PASS
        self._turn = count()
        self._loop = asyncio.new_event_loop()
        self._moved = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._run, name=f"proxy-{self.port}", daemon=True)

    def start(self) -> Self:
        """Listen; returns when clients can connect."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(JOIN_S)
        return self

    def stop(self) -> None:
        """Close everything."""
        asyncio.run_coroutine_threadsafe(self._close_all(), self._loop).result(JOIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(JOIN_S)

    def cut(self) -> None:
        """Reset all connections, and every new one, until it is mended."""
        self._become(Mood.CUT)

    def fall_silent(self) -> None:
        """Let nothing through, and close nothing, until it is mended: packets are lost."""
        self._become(Mood.SILENT)

    def lose_replies(self) -> None:
        """Let requests through and throw the answers away, until it is mended."""
        self._become(Mood.REPLIES_LOST)

    def lose_replies_to(self, marker: bytes, *, times: int = 1_000_000) -> None:
        """Requests with ``marker`` in them arrive, and instead of the answer the connection is reset; so many times
        at most, until it is mended.
        """
        self._marker, self._losses_left = marker, times

    def mend(self) -> None:
        """Let everything through; connections whose answers were thrown away are of no use and are reset."""
        self._marker = b""
        self._become(Mood.PASS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _become(self, mood: Mood) -> None:
        asyncio.run_coroutine_threadsafe(self._change(mood), self._loop).result(JOIN_S)

    async def _change(self, mood: Mood) -> None:
        useless = mood is Mood.CUT or self._mood is Mood.REPLIES_LOST
        self._mood = mood
        self._moved.set()
        self._moved = asyncio.Event()
        if useless:
            await self._close_all()

    async def _listen(self) -> None:
        await asyncio.start_server(self._serve, HOST, self.port, ssl=self._tls)

    async def _close_all(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(OSError):
            await self._pass_on(reader, writer)
        self._writers.discard(writer)
        writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._until_open()
        if self._mood is Mood.CUT:
            return
        up_reader, up_writer = await self._connect()
        self._writers.add(up_writer)
        lost = asyncio.Event()
        pumps = [
            asyncio.ensure_future(self._pump(reader, up_writer, lost, is_reply=False)),
            asyncio.ensure_future(self._pump(up_reader, writer, lost, is_reply=True)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        self._writers.discard(up_writer)
        up_writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        first = next(self._turn)
        for offset in range(len(self.targets)):
            target = self.targets[(first + offset) % len(self.targets)]
            with suppress(OSError):
                return await asyncio.open_connection(HOST, target)
        raise ConnectionRefusedError

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event, *, is_reply: bool
    ) -> None:
        while data := await reader.read(CHUNK):
            if not is_reply and self._is_to_be_lost(data):
                lost.set()
            if is_reply and lost.is_set():
                self.lost += 1
                return
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            await self._until_open()
            if is_reply and self._mood is Mood.REPLIES_LOST:
                continue
            writer.write(data)
            await writer.drain()

    def _is_to_be_lost(self, request: bytes) -> bool:
        if not self._marker or self._marker not in request or self._losses_left <= 0:
            return False
        self._losses_left -= 1
        return True

    async def _until_open(self) -> None:
        while self._mood is Mood.SILENT:
            await self._moved.wait()
