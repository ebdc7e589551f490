"""Group commit: events that arrive while a write is in flight go together in the next one.

    arrivals ──▶ waiting ──take up to batch_max──▶ in flight (one at a time) ──▶ each caller's future

One write at a time: when idle, the first event is written at once. So the cost of making a batch durable (an fsync) is
shared by those who came while the one before was paid for, and, where a write takes long, by those who come right after
it: senders who have just been answered send again, and would wait for two writes if the next began without them.

Each caller waits at most ``timeout_s``; whoever waited longer is told :class:`Unavailable`, and if the event was not
yet on its way it is dropped. An event told Unavailable may still have been written; an event not told so, has been.

Does not promise: an order between callers who arrive within one turn of the loop other than the order of their calls.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

import msgspec

from contract import Event, encode
from webhook_gateway.deadlines import Deadlines
from webhook_gateway.ports import Entry, Inbox, Interrupted, NoInbox, Overloaded, Unavailable

PAUSES_S = (0.0, 0.05, 0.1, 0.2)
"""How long to wait before each repetition of a batch whose connection broke. The first is at once, for a connection
that was closed while nobody used it; the others see a store through its restart."""

SLOW_S = 0.005
"""A write that took so long makes the next one wait for company, for a share of that time."""
COMPANY_SHARE = 8
COMPANY_MAX_S = 0.004


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of the publisher: events in a batch, events that may wait, seconds that one may wait."""

    batch_max: int
    pending_max: int
    timeout_s: float


@dataclass(slots=True)
class Watch:
    """Who wants to know: told the size and the seconds of each batch, and of batches that failed."""

    committed: Callable[[int, float], None] = field(default=lambda _size, _seconds: None)
    failed: Callable[[str], None] = field(default=lambda _reason: None)


class _Waiting(msgspec.Struct, eq=False):
    entry: Entry
    done: asyncio.Future[None]


class Publisher:
    """Writes events to the inbox, many callers in one batch. Belongs to one event loop."""

    def __init__(self, inbox: Inbox, limits: Limits, watch: Watch | None = None) -> None:
        self._inbox = inbox
        self._limits = limits
        self._watch = watch or Watch()
        self._waiting: deque[_Waiting] = deque()
        self._deadlines = Deadlines(limits.timeout_s, _expire)
        self._in_flight = 0
        self._writer: asyncio.Task[None] | None = None

    @property
    def pending(self) -> int:
        """Events not yet known to be durable."""
        return len(self._waiting) + self._in_flight

    async def publish(self, event: Event) -> None:
        """Return when ``event`` is durable. Raises :class:`Unavailable` within ``timeout_s`` otherwise."""
        if self.pending >= self._limits.pending_max:
            raise Overloaded("too many events wait")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(Entry(app=event.app, payload=encode(event)), loop.create_future())
        self._waiting.append(waiting)
        if self._writer is None:
            self._writer = loop.create_task(self._write_all(), name="publisher")
        self._deadlines.add(waiting.done)
        try:
            await waiting.done
        finally:
            self._deadlines.remove(waiting.done)

    async def drain(self) -> None:
        """Return when nothing waits any more. For the end of the process, when no more events come."""
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write_all(self) -> None:
        try:
            while batch := self._take():
                started = asyncio.get_running_loop().time()
                self._in_flight = len(batch)
                await self._write(batch)
                self._in_flight = 0
                await self._await_company(asyncio.get_running_loop().time() - started)
        finally:
            self._in_flight = 0
            self._writer = None

    async def _await_company(self, took_s: float) -> None:
        """After a write that took so long."""
        if took_s >= SLOW_S and len(self._waiting) < self._limits.batch_max:
            await asyncio.sleep(min(took_s / COMPANY_SHARE, COMPANY_MAX_S))

    def _take(self) -> list[_Waiting]:
        """The next batch, without those whose caller has gone or was told no."""
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < self._limits.batch_max:
            waiting = self._waiting.popleft()
            if not waiting.done.done():
                batch.append(waiting)
        return batch

    async def _write(self, batch: list[_Waiting]) -> None:
        started = perf_counter()
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                await self._append([waiting.entry for waiting in batch])
        except TimeoutError:
            self._fail(batch, Unavailable("the store is slower than the limit"))
        except NoInbox as error:
            self._fail([waiting for waiting in batch if waiting.entry.app in error.apps], error)
            self._succeed([waiting for waiting in batch if waiting.entry.app not in error.apps], started)
        except Unavailable as error:
            self._fail(batch, error)
        except Exception as error:  # noqa: BLE001 - a bug must cost one batch, not all that come after it
            self._fail(batch, Unavailable(f"a fault of ours: {type(error).__name__}"))
        else:
            self._succeed(batch, started)

    async def _append(self, entries: list[Entry]) -> None:
        for pause_s in PAUSES_S:
            try:
                return await self._inbox.append(entries)
            except Interrupted:
                await asyncio.sleep(pause_s)
        return await self._inbox.append(entries)

    def _succeed(self, batch: list[_Waiting], started: float) -> None:
        if batch:
            self._watch.committed(len(batch), perf_counter() - started)
        for waiting in batch:
            if not waiting.done.done():
                waiting.done.set_result(None)

    def _fail(self, batch: list[_Waiting], error: Unavailable) -> None:
        self._watch.failed(error.reason)
        for waiting in batch:
            if not waiting.done.done():
                waiting.done.set_exception(Unavailable(error.reason, retry_after_s=error.retry_after_s))


def _expire(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_exception(Unavailable("the store is slower than the limit"))
