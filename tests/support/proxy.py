"""A TCP proxy that can lose replies: between a client of ours and a store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

SETTLE_S = 0.05


class Proxy:
    """Forwards every connection to one address, on a port of its own."""

    def __init__(self, url: str) -> None:
        self.lost = 0
        """How many replies were lost on purpose."""
        self.is_cut = False
        self._parts = urlsplit(url)
        self._marker: bytes | None = None
        self._count = 0
        self._port = 0
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """The address through the proxy."""
        host = f"127.0.0.1:{self._port}"
        user, at, _ = self._parts.netloc.rpartition("@")
        return urlunsplit(self._parts._replace(netloc=f"{user}{at}{host}"))

    def lose_reply_to(self, marker: bytes, times: int = 1) -> None:
        """The next ``times`` requests with ``marker`` in them reach the server, and their replies are lost with the
        connection.
        """
        self._marker, self._count = marker, times

    def cut(self) -> None:
        """Break all connections, and take no new ones."""
        self.is_cut = True
        for writer in self._open:
            writer.close()

    def mend(self) -> None:
        """Take connections again."""
        self.is_cut = False

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        if self.is_cut:
            writer.close()
            return
        there, back = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        self._open |= {writer, back}
        losing = asyncio.Event()
        work = [
            asyncio.create_task(self._requests(reader, back, losing)),
            asyncio.create_task(self._replies(there, writer, losing)),
        ]
        await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        for one in (writer, back):
            one.close()
        self._open -= {writer, back}

    async def _requests(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        while data := await reader.read(65536):
            if self._marker is not None and self._marker in data and self._count > 0:
                self._count -= 1
                losing.set()
            back.write(data)
            await back.drain()

    async def _replies(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        while data := await there.read(65536):
            if losing.is_set():
                self.lost += 1
                await asyncio.sleep(SETTLE_S)
                return
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[Proxy]:
    """A proxy before the store at ``url``."""
    proxy = Proxy(url)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await proxy.handle(reader, writer)

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    proxy._port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        proxy.cut()
        server.close()
