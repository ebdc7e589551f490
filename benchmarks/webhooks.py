"""A gateway as a process, and customers who send it webhooks over connections that they keep."""

import asyncio
import json
import os
import sys
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from one_machine.ports import HOST, free_port
from one_machine.spawn import spawn

APP = "benchmark"
PATH = "/allocate-agent/webhook"
START_S = 60.0


class Gateway:
    """A ``webhook-gateway`` before a Redis."""

    command: tuple[str, ...] = (str(Path(sys.executable).parent / "webhook-gateway"),)

    def __init__(self, redis_url: str, folder: Path) -> None:
        self.port, self.metrics_port = free_port(), free_port()
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "REDIS_URL": redis_url,
            "QISCUS_APP_ID": APP,
            "ANTRE_HTTP_HOST": HOST,
            "ANTRE_HTTP_PORT": str(self.port),
            "ANTRE_METRICS_HOST": HOST,
            "ANTRE_METRICS_PORT": str(self.metrics_port),
            "ANTRE_LOG_LEVEL": "error",
        }
        self._process = spawn(self.command, env=environment, log=folder / "gateway.log")
        self._until_ready()

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def end(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait()

    def _until_ready(self) -> None:
        give_up_at = time.monotonic() + START_S
        while time.monotonic() < give_up_at and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://{HOST}:{self.port}/readyz", timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the gateway does not start")


@dataclass(slots=True)
class Sent:
    """What customers were answered."""

    accepted: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    """Of those that were accepted."""


class Customers:
    """So many who each send one webhook after the other, as long as the block lasts."""

    def __init__(self, gateway: Gateway, count: int) -> None:
        self._port = gateway.port
        self._count = count
        self._next = 0
        self._stop = False
        self.sent = Sent()

    async def __aenter__(self) -> Sent:
        self._tasks = [asyncio.create_task(self._customer()) for _ in range(self._count)]
        return self.sent

    async def __aexit__(self, *_: object) -> None:
        self._stop = True
        await asyncio.gather(*self._tasks)

    async def _customer(self) -> None:
        reader, writer = await asyncio.open_connection(HOST, self._port)
        while not self._stop:
            self._next += 1
            await self._one(reader, writer, str(self._next))
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, room: str) -> None:
        began = time.perf_counter()
        writer.write(_request(room))
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
        status = int(head.split(" ")[1])
        self.sent.statuses[status] += 1
        if status == 200:  # noqa: PLR2004 - as everybody knows it
            self.sent.accepted.append(room)
            self.sent.seconds.append(time.perf_counter() - began)
        else:
            await asyncio.sleep(0.01)


def _request(room: str) -> bytes:
    body = json.dumps({"app_id": APP, "room_id": room, "source": "wa", "extras": "x" * 700}).encode()
    return f"POST {PATH} HTTP/1.1\r\nhost: gateway\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
