"""A gateway as a process of its own, before a real Redis, and how tests talk to it over sockets."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import redis

from support import Processes, Running, free_port

APP = "demoo-a1b2c3d4e5f6g7h"
TOKEN = "canary-token-new-0001"
OLD_TOKEN = "canary-token-old-0002"
CUSTOMER = "canary.customer@example.com"
ALLOCATION, RESOLVE = "/allocate-agent/webhook", "/mark-as-solved/webhook"
BODY_TIMEOUT_S = 0.6
ATTEMPTS_MAX = 5


@dataclass(frozen=True)
class Answer:
    """What came back; ``seconds``: how long that took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def problem(self) -> dict[str, Any]:
        """The body, checked to be a problem as RFC 9457 has it and to echo nothing of a customer's."""
        assert self.headers["content-type"] == "application/problem+json"
        content: dict[str, Any] = json.loads(self.body)
        assert {"type", "title", "status", "detail"} <= content.keys()
        assert content["status"] == self.status
        assert CUSTOMER.encode() not in self.body
        return content


@dataclass(frozen=True)
class Gateway:
    """A running gateway and how to talk to it."""

    running: Running
    port: int
    metrics_port: int

    async def post(self, path: str, body: bytes | Mapping[str, Any], **headers: str) -> Answer:
        """POST ``body`` on a connection of its own."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.raw(request("POST", path, data, headers))

    async def raw(self, *pieces: bytes, pause_s: float = 0.0, head: bool = False) -> Answer:
        """Send ``pieces`` as they are, with pauses between, and read one answer. ``head``: it has no body."""
        started = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        sending = asyncio.create_task(_send(writer, pieces, pause_s))
        try:
            return await read_answer(reader, started, head=head)
        finally:
            sending.cancel()
            writer.transport.abort()

    async def waits(self, room: str, path: str = f"{ALLOCATION}/{TOKEN}") -> Answer:
        """Tell it that a customer waits in ``room``."""
        return await self.post(path, waiting(room))

    def metric(self, name: str) -> float:
        """The value of a metric without labels, or with the labels as given in ``name``."""
        for line in self.metrics().splitlines():
            if line.startswith(f"{name} "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def metrics(self) -> str:
        """All metrics as text."""
        with socket.create_connection(("127.0.0.1", self.metrics_port)) as connection:
            connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()

    @property
    def resident_mb(self) -> float:
        """Its resident memory."""
        with open(f"/proc/{self.running.pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - of the kernel's
            return int(file.read().split()[1]) * 4096 / 1e6


Start = Callable[..., Gateway]


def starter(processes: Processes, redis_url: str) -> Start:
    """What starts gateways among ``processes``."""

    def start(*, ready: bool = True, **environment: str) -> Gateway:
        for _ in range(ATTEMPTS_MAX):
            gateway = launch(environment)
            if not ready or _is_up(gateway):
                return gateway
        raise AssertionError(gateway.running.output)

    def launch(environment: Mapping[str, str]) -> Gateway:
        port, metrics_port = free_port(), free_port()
        defaults = {
            "REDIS_URL": redis_url,
            "ANTRE_HTTP_HOST": "127.0.0.1",
            "ANTRE_HTTP_PORT": str(port),
            "ANTRE_METRICS_HOST": "127.0.0.1",
            "ANTRE_METRICS_PORT": str(metrics_port),
            "ANTRE_BODY_TIMEOUT_S": str(BODY_TIMEOUT_S),
            "ANTRE_LOG_LEVEL": "debug",
        }
        if "ANTRE_APPS_FILE" not in environment:
            defaults["QISCUS_APP_ID"] = APP
        return Gateway(processes.start("webhook-gateway", env={**defaults, **environment}), port, metrics_port)

    return start


def _is_up(gateway: Gateway) -> bool:
    """False when somebody else (another test, beside this one) has got one of its ports first."""
    try:
        gateway.running.wait_ready(f"http://127.0.0.1:{gateway.port}/livez")
    except AssertionError:
        if "cannot be listened on" in gateway.running.output:
            return False
        raise
    return True


def rooms_in(store: redis.Redis, app: str = APP) -> list[str]:
    """The rooms of all events in the inbox of ``app``, in order; an event that was written twice counts once."""
    entries: Any = store.xrange(f"antre:{{{app}}}:inbox")
    events = [json.loads(fields["event"]) for _, fields in entries]
    return list({event["id"]: event["room"] for event in events}.values())


def waiting(room: str, **changes: Any) -> dict[str, Any]:
    """The body of an allocation webhook."""
    body = {"app_id": APP, "room_id": room, "source": "wa", "name": CUSTOMER, "email": CUSTOMER, "is_resolved": False}
    return body | changes


def request(method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes of an HTTP request."""
    lines = {"host": "gateway", "content-length": str(len(body)), "connection": "close"} | dict(headers or {})
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def read_answer(reader: asyncio.StreamReader, started: float, *, head: bool = False) -> Answer:
    """One HTTP answer from ``reader``."""
    async with asyncio.timeout(15):
        status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = b"" if head else await reader.readexactly(int(headers.get("content-length", 0)))
    return Answer(int(status.split(" ")[1]), headers, body, time.monotonic() - started)


async def _send(writer: asyncio.StreamWriter, pieces: tuple[bytes, ...], pause_s: float) -> None:
    with suppress(ConnectionError):  # it may hang up on us
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)


async def until(true: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Return as soon as ``true`` is."""
    async with asyncio.timeout(timeout_s):
        while not true():  # noqa: ASYNC110 - what is waited for happens in another process
            await asyncio.sleep(0.01)
