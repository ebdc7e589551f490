"""Webhooks that are all due at the same moment, each on a connection of its own that is open already.

Plain sockets and epoll, as in `load.py`; the requests are made before the moment comes.
"""

import json
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

CONNECT_TIMEOUT_S = 5.0
GIVE_UP_S = 30.0
PADDING = "x" * 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rush:
    """What came of it. ``began_at``: Unix time; ``seconds``: from then to each answer, refusals too, in order."""

    began_at: float
    seconds: Sequence[float]
    refused: int

    @property
    def p99_s(self) -> float:
        """Of all of them."""
        return self.seconds[int(0.99 * (len(self.seconds) - 1))]


def all_at_once(url: str, app: str, rooms: Sequence[str]) -> Rush:
    """A customer for each room. Raises :class:`TimeoutError` when answers are missing after ``GIVE_UP_S``."""
    requests = [_request(url, app, room) for room in rooms]
    address = (urlsplit(url).hostname, urlsplit(url).port)
    poll = select.epoll()
    lines = {line.fileno(): line for line in (_connected(address) for _ in rooms)}
    for line in lines.values():
        poll.register(line, select.EPOLLIN)
    began_at, began = time.time(), time.perf_counter()
    for line, request in zip(lines.values(), requests, strict=True):
        line.sendall(request)
    answers: dict[int, tuple[float, bytes]] = {}
    while len(answers) < len(lines):
        if time.perf_counter() - began > GIVE_UP_S:
            raise TimeoutError(f"{len(lines) - len(answers)} webhooks are not answered")
        for number, _ in poll.poll(1.0):
            if number not in answers:  # an answer fits in one piece
                answers[number] = (time.perf_counter() - began, lines[number].recv(65_536))
                poll.unregister(number)
    for line in lines.values():
        line.close()
    refused = sum(not answer.startswith(b"HTTP/1.1 200") for _, answer in answers.values())
    return Rush(began_at=began_at, seconds=sorted(took for took, _ in answers.values()), refused=refused)


def _connected(address: tuple[str | None, int | None]) -> socket.socket:
    host, port = address
    assert host is not None
    assert port is not None
    line = socket.create_connection((host, port), CONNECT_TIMEOUT_S)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def _request(url: str, app: str, room: str) -> bytes:
    parts = urlsplit(url)
    body = json.dumps({"app_id": app, "room_id": room, "source": "wa", "name": "somebody", "extras": PADDING}).encode()
    head = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
