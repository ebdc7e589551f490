"""Sends webhooks over HTTP as the platform does, and writes down what came back.

Order is kept per room unless a delivery asks otherwise; deliveries of different rooms overlap, up to a bound. A failed
delivery is not tried again unless ``retries`` says so. Does not promise: delivery.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import Any, Final

import aiohttp

from qiscus_simulator.record import Record

TIMEOUT_S: Final = 10.0
CONCURRENCY_MAX: Final = 256
RETRY_PAUSE_S: Final = 1.0
SUCCESS: Final = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook to send. ``note``: first, again, doubled."""

    app_id: str
    what: str
    url: str
    room: str
    session: int
    body: bytes
    note: str


class Sender:
    """The one place webhooks leave from."""

    def __init__(self, record: Record, retries: int) -> None:
        """Be ready to ``start``; ``retries`` more tries follow a failed one."""
        self._record = record
        self._retries = retries
        self._numbers = count(1)
        self._waiting: dict[tuple[str, str], deque[Delivery]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(CONCURRENCY_MAX)
        self._client: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the HTTP client."""
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONCURRENCY_MAX),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            headers={"Content-Type": "application/json", "User-Agent": "qiscus-simulator"},
        )

    async def close(self) -> None:
        """Drop what was not sent and close the client."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._client is not None:
            await self._client.close()

    def send(self, delivery: Delivery) -> None:
        """Send after the earlier deliveries of the same room."""
        key = delivery.app_id, delivery.room
        if key in self._waiting:
            self._waiting[key].append(delivery)
            return
        self._waiting[key] = deque([delivery])
        self._spawn(self._drain(key))

    def send_out_of_order(self, delivery: Delivery, after_s: float) -> None:
        """Send after a delay, whatever else is on its way for the room."""
        self._spawn(self._send_later(delivery, after_s))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, key: tuple[str, str]) -> None:
        queue = self._waiting[key]
        try:
            while queue:
                await self._send(queue.popleft())
        finally:
            del self._waiting[key]

    async def _send_later(self, delivery: Delivery, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await self._send(delivery)

    async def _send(self, delivery: Delivery) -> None:
        note = delivery.note
        for attempt in range(self._retries + 1):
            if attempt:
                note = "retry"
                await asyncio.sleep(RETRY_PAUSE_S)
            if await self._post(delivery, note) in SUCCESS:
                return

    async def _post(self, delivery: Delivery, note: str) -> int:
        async with self._slots:
            number, began = next(self._numbers), monotonic()
            about: dict[str, Any] = {
                "number": number,
                "what": delivery.what,
                "room": delivery.room,
                "session": delivery.session,
            }
            self._record.add(delivery.app_id, "webhook_sent", note=note, **about)
            status, error = await self._status(delivery)
            took_s = round(monotonic() - began, 6)
            self._record.add(
                delivery.app_id, "webhook_answered", status=status, value=took_s, note=error or note, **about
            )
            return status

    async def _status(self, delivery: Delivery) -> tuple[int, str]:
        assert self._client is not None, "start comes first"
        try:
            async with self._client.post(delivery.url, data=delivery.body, allow_redirects=False) as answer:
                await answer.read()
                return answer.status, ""
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return 0, type(error).__name__
