"""The HTTP server under the application: uvicorn, with the bounds it lacks, and memory put in order."""

import asyncio
import ctypes
import gc
import logging
import signal
import socket
from contextlib import suppress
from types import FrameType
from typing import Any

import uvicorn
from litestar.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from chassis.settings import SettingError

FAREWELL_S = 3.0
"""How long, after SIGTERM, whoever keeps a connection has to send one more request and be asked to go."""
GRACE_S = 17
"""How long what is in flight then may take. A pod has 30 s for both, of which a preStop pause takes a few."""

HEAD_MAX = 16_384
HEAD_TIMEOUT_S = 10.0
ADDRESS_MAX = 1_024
"""Longer than any of ours with its token. What follows is cut off: such an address leads nowhere all the same, and the
framework keeps a thousand of those it was asked for in mind.
"""
CONNECTIONS_MAX = 4_096
CROWDED, CROWDED_KEEP_ALIVE_S = CONNECTIONS_MAX // 2, 5
"""Beyond so many connections a new one is kept idle no longer than that: whoever hoards them leaves room for others."""
WARNINGS_PER_S = 20
"""As many lines a second as the access log has for refusals."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises :class:`SettingError` when the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]  # what follows repeats the address
        raise SettingError(f"ANTRE_HTTP_PORT {port} on {host} cannot be listened on: {reason}") from None


def serve(app: ASGIApp, listener: socket.socket, keep_alive_s: int) -> None:
    """Serve ``app`` until SIGTERM or SIGINT; then finish what is in flight, and leave with status 0."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=keep_alive_s,
        timeout_graceful_shutdown=GRACE_S,
    )
    logging.getLogger("uvicorn.error").addFilter(Sparing(WARNINGS_PER_S))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # uvicorn sends itself the signal once more when it has finished
    Departing(config).run(sockets=[listener])


class Departing(uvicorn.Server):
    """Says farewell before it goes: for a while every answer asks its sender to use another connection.

    uvicorn by itself hangs up on all who are between two requests. Whoever sends one in that moment is cut off, with
    a webhook that nobody took: of fifty busy senders that keep their connections up to thirty were. Afterwards only
    those are left who had nothing to say for :data:`FAREWELL_S`. Those who come meanwhile are answered as well.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ask all to go, wait until they have or time is up, and go."""
        self.server_state.default_headers.append((b"connection", b"close"))
        for connection in self.server_state.connections:
            if isinstance(connection, BoundedProtocol):  # they all are
                connection.ask_to_go()
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                while self.server_state.connections and not self.force_exit:  # noqa: ASYNC110 - nothing tells of an end
                    await asyncio.sleep(0.05)
        await super().shutdown(sockets)


class Sparing(logging.Filter):
    """Lets so many of a logger's warnings through in a second: anybody who can connect can cause one."""

    def __init__(self, at_most: int) -> None:
        super().__init__()
        self._at_most = at_most
        self._second = -1
        self._count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written; those that are no warning always are."""
        if record.levelno != logging.WARNING:
            return True
        if int(record.created) != self._second:
            self._second, self._count = int(record.created), 0
        self._count += 1
        return self._count <= self._at_most


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a request whose head is too large or takes too long, and connections beyond a number.

    uvicorn bounds neither with this parser: somebody who sends a header that never ends would fill the memory, and
    somebody who sends nothing would keep a connection for ever.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the original
        """Begin a connection, or end it at once."""
        self._head_is_open = False
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._unanswered: list[RequestResponseCycle] = []
        super().connection_made(transport)
        if len(self.connections) > CROWDED:
            self.timeout_keep_alive = min(self.timeout_keep_alive, CROWDED_KEEP_ALIVE_S)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.close()
        else:
            self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._unwatch_head()
        self._forsake()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in a piece of a request; the bounds look at what it left behind."""
        was_open = self._head_is_open
        super().data_received(data)
        if self._head_is_open and was_open:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_MAX and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")
        if self._head_is_open or self.cycle is None or self.cycle.response_complete:
            self._watch_head()

    def ask_to_go(self) -> None:
        """Let the answer that is due be the last one."""
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Hang up, but not in the middle of a request's head: its answer will."""
        if not self._head_is_open:
            super().shutdown()

    def on_message_begin(self) -> None:
        """The first byte of a request came in."""
        self._head_is_open = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The last byte of a request's head came in."""
        self._head_is_open = False
        self._unwatch_head()
        self.url = self.url[:ADDRESS_MAX]
        before = self.cycle
        super().on_headers_complete()
        if before is None or before.response_complete:  # and so are those before it: answers go out in turn
            self._unanswered = [self.cycle]
        else:
            self._unanswered = [one for one in (*self._unanswered, self.cycle) if not one.response_complete]

    def send_400_response(self, msg: str) -> None:
        """What came is not HTTP: say so and hang up."""
        super().send_400_response(msg)
        self._forsake()

    def _forsake(self) -> None:
        """Nothing can be answered on this connection any more. uvicorn tells only the latest of several requests, and
        the others would write to a transport that is closed: a traceback in the log, for anybody to cause.
        """
        for one in self._unanswered:
            one.disconnected = True
            one.message_event.set()
        self._unanswered = []

    def _watch_head(self) -> None:
        if self._head_timer is None and self.timeout_keep_alive_task is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _unwatch_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def _leave(_number: int, _frame: FrameType | None) -> Any:
    raise SystemExit(0)


def tidy_memory() -> None:
    """To be called once, when all has started. What start-up made stays for good.

    Next to nothing that a request makes is a cycle, and looking for cycles in all that stays was what the slowest
    hundredth of requests waited for: 41 ms, without it 14. And what the imports took and gave back (a seventh of the
    process) returns to the system only when asked.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
