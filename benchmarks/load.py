"""Sends webhooks over connections that it keeps, and prints what came of it as JSON. A process of its own.

    python benchmarks/load.py --port 8080 --path /allocate-agent/webhook --seconds 3 --connections 64 [--rate 2000]

Without a rate each connection sends its next webhook when the last one is answered. With one, webhooks are due evenly,
and the seconds of each are counted from when it was due: a server that falls behind cannot hide it.

Plain sockets and epoll, because a generator must cost less than what it measures: `busy` in what it prints is the share
of its time for which it was on a core, and `python benchmarks/load.py --ceiling` says what it reaches against a server
that does nothing.
"""

import argparse
import asyncio
import json
import multiprocessing
import select
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field

HOST = "127.0.0.1"
APP = "benchmark"
PADDING = "x" * 1_000
CONNECT_TIMEOUT_S = 5.0
WAIT_S = 10.0
"""After the end, how long for what is still under way."""


@dataclass(slots=True)
class Load:
    """What came of it. Seconds are of those that were accepted, and of the others."""

    seconds: float
    statuses: dict[str, int] = field(default_factory=dict)
    p50_s: float = 0.0
    p99_s: float = 0.0
    refused_p99_s: float = 0.0
    busy: float = 0.0

    @property
    def per_s(self) -> float:
        """Accepted webhooks a second."""
        return self.statuses.get("200", 0) / self.seconds


@dataclass(slots=True)
class _Line:
    """A connection. ``due``: since when the request on it was due."""

    socket: socket.socket
    due: float = 0.0
    answer: bytes = b""


class Sender:
    """So many connections, all to one port."""

    def __init__(self, port: int, path: str, connections: int) -> None:
        self._head, self._tail = _request(path)
        self._number = 0
        self._poll = select.epoll()
        self._lines: dict[int, _Line] = {}
        self._idle: deque[_Line] = deque()
        self._took: dict[str, list[float]] = {}
        for _ in range(connections):
            line = _Line(socket.create_connection((HOST, port), CONNECT_TIMEOUT_S))
            line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._lines[line.socket.fileno()] = line
            self._poll.register(line.socket, select.EPOLLIN)
            self._idle.append(line)

    def run(self, seconds: float, rate: float | None) -> Load:
        """Send for so long."""
        began, worked = time.perf_counter(), time.process_time()
        end = began + seconds
        sent = 0
        while (now := time.perf_counter()) < end:
            due = len(self._idle) if rate is None else int((now - began) * rate) - sent
            for _ in range(min(due, len(self._idle))):
                self._send(self._idle.popleft(), now if rate is None else began + sent / rate)
                sent += 1
            self._take(0.001 if rate else 0.1)
        took, busy = time.perf_counter() - began, time.process_time() - worked
        load = self._told(took, busy / took)
        self._settle()
        return load

    def _send(self, line: _Line, due: float) -> None:
        self._number += 1
        line.due, line.answer = due, b""
        line.socket.sendall(b"%s%012d%s" % (self._head, self._number, self._tail))

    def _take(self, wait_s: float) -> None:
        """Answers are JSON objects in one piece or several."""
        for number, _ in self._poll.poll(wait_s):
            line = self._lines[number]
            line.answer += line.socket.recv(65_536)
            if not line.answer:
                raise ConnectionError("the server closed a connection")
            if line.answer.endswith(b"}"):
                status = line.answer[9:12].decode()
                self._took.setdefault(status, []).append(time.perf_counter() - line.due)
                self._idle.append(line)

    def _settle(self) -> None:
        until = time.perf_counter() + WAIT_S
        while len(self._idle) < len(self._lines) and time.perf_counter() < until:
            self._take(0.1)

    def _told(self, seconds: float, busy: float) -> Load:
        accepted = sorted(self._took.get("200", ()))
        refused = sorted(took for status, many in self._took.items() if status != "200" for took in many)
        return Load(
            seconds=seconds,
            statuses={status: len(many) for status, many in self._took.items()},
            p50_s=_share(accepted, 0.5),
            p99_s=_share(accepted, 0.99),
            refused_p99_s=_share(refused, 0.99),
            busy=busy,
        )


def _share(ordered: list[float], share: float) -> float:
    return ordered[int(share * (len(ordered) - 1))] if ordered else 0.0


def _request(path: str) -> tuple[bytes, bytes]:
    """What stands before and behind a room's number of twelve digits."""
    body = {"app_id": APP, "room_id": "0" * 12, "source": "wa", "name": "somebody", "extras": PADDING}
    text = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n"
    )
    before, after = text.split(b"0" * 12, 1)
    return head.encode() + before, after


class _Nothing(asyncio.Protocol):
    """Answers each piece that comes in, whatever it is."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, _data: bytes) -> None:
        self._transport.write(  # type: ignore[attr-defined] # a transport of a stream
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
        )


def _serve_nothing(listener: socket.socket) -> None:
    import uvloop  # noqa: PLC0415 - only in the process that serves

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Nothing, sock=listener)
        await server.serve_forever()

    uvloop.run(serve())


def _ceiling(seconds: float, connections: int) -> Load:
    """What the generator reaches against a server that does nothing."""
    listener = socket.create_server((HOST, 0))
    process = multiprocessing.get_context("fork").Process(target=_serve_nothing, args=(listener,), daemon=True)
    process.start()
    try:
        return Sender(listener.getsockname()[1], "/", connections).run(seconds, None)
    finally:
        process.kill()


def main() -> None:
    """Send, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int)
    parser.add_argument("--path", default="/")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--ceiling", action="store_true", help="against a server that does nothing")
    words = parser.parse_args()
    if words.ceiling:
        load = _ceiling(words.seconds, words.connections)
    else:
        load = Sender(words.port, words.path, words.connections).run(words.seconds, words.rate)
    json.dump(asdict(load), sys.stdout)


if __name__ == "__main__":
    main()
