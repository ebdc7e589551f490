"""Inboxes in memory, one for each app."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from allocator.core.intake import Arrival
from allocator.ports import Clock, Entry, Queue, Unavailable
from contract import AppId, Event, Unreadable, decode, encode
from support.memory.script import Script


class MemoryInbox:
    """The :class:`~allocator.ports.Inbox`."""

    def __init__(self, clock: Clock, apps: Sequence[AppId]) -> None:
        self.script = Script()
        self._clock = clock
        self._streams: dict[AppId, dict[str, bytes]] = {app: {} for app in apps}
        self._aside: dict[AppId, list[tuple[str, bytes]]] = {app: [] for app in apps}
        self._spoilt: set[AppId] = set()
        self._last = (0, 0)
        self._waiting: list[asyncio.Future[None]] = []

    def append(self, event: Event) -> str:
        """As the gateway does: ``event`` is durable now. Returns the entry's id."""
        return self.append_bytes(event.app, encode(event))

    def append_bytes(self, app: AppId, content: bytes) -> str:
        """Anything, under an id that grows: milliseconds of the store's clock, then a number."""
        milliseconds = int(self._clock.wall().timestamp() * 1000)
        last, number = self._last
        self._last = (milliseconds, 0) if milliseconds > last else (last, number + 1)
        entry_id = f"{self._last[0]}-{self._last[1]}"
        self._streams[app][entry_id] = content
        for told in self._waiting:
            if not told.done():
                told.set_result(None)
        return entry_id

    def snapshot(self) -> dict[AppId, dict[str, bytes]]:
        """What the streams hold now, to go back to."""
        return {app: dict(stream) for app, stream in self._streams.items()}

    def restore(self, streams: dict[AppId, dict[str, bytes]] | None = None) -> None:
        """As when the server has lost what came later, or (without ``streams``) everything."""
        self._streams = {app: dict((streams or {}).get(app, {})) for app in self._streams}

    def spoil(self, app: AppId) -> None:
        """Somebody writes to the key by hand: it is no inbox any more, and what was in it is gone."""
        self._streams[app] = {}
        self._spoilt.add(app)

    def mend(self, app: AppId) -> None:
        """Somebody deletes the key that is no inbox."""
        self._spoilt.discard(app)

    def left(self, app: AppId) -> list[str]:
        """The ids of what is still in the inbox, in order."""
        return list(self._streams[app])

    def put_aside(self, app: AppId) -> list[tuple[str, bytes]]:
        """Why, and what, for each entry that nobody could read."""
        return list(self._aside[app])

    async def read(self, at_most: int, wait_s: float) -> Sequence[Entry]:
        """See the port."""
        await self.script.begin("read")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self.filled()
        found = self.heads(at_most)
        await self.script.end("read")
        return found

    async def delete(self, entries: Sequence[Entry]) -> None:
        """See the port."""
        async with self.script.around("delete"):
            self.delete_now(entries)

    async def queues(self) -> Mapping[AppId, Queue]:
        """See the port."""
        async with self.script.around("queues"):
            return self.queues_now()

    def queues_now(self) -> dict[AppId, Queue]:
        """What the server has."""
        return {
            app: Queue(length=len(stream), head=next(map(_place, stream), None))
            for app, stream in self._streams.items()
            if app not in self._spoilt
        }

    def filled(self) -> asyncio.Future[None]:
        """Done when there is an entry."""
        told = asyncio.get_running_loop().create_future()
        if any(self._streams.values()):
            told.set_result(None)
        else:
            self._waiting = [*(one for one in self._waiting if not one.done()), told]
        return told

    def delete_now(self, entries: Sequence[Entry]) -> None:
        """What the server does."""
        for entry in entries:
            content = self._streams[entry.app].pop(entry.id, None)
            if content is not None and entry.arrival is None:
                self._aside[entry.app].append((entry.why or "", content))

    def heads(self, at_most: int) -> list[Entry]:
        """What the server has at the head of every stream; raises where none is one."""
        if self._spoilt == self._streams.keys():
            raise Unavailable("no inbox is one")
        return [
            _entry(app, entry_id, content)
            for app, stream in self._streams.items()
            for entry_id, content in list(stream.items())[:at_most]
        ]


def _entry(app: AppId, entry_id: str, content: bytes) -> Entry:
    try:
        event = decode(content)
    except Unreadable as error:
        return Entry(app=app, id=entry_id, arrival=None, why=str(error))
    if event.app != app:
        return Entry(app=app, id=entry_id, arrival=None, why="an event of another app")
    return Entry(app=app, id=entry_id, arrival=Arrival(event=event, at=_place(entry_id), found=False), why=None)


def _place(entry_id: str) -> datetime:
    milliseconds, number = map(int, entry_id.split("-"))
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds, microseconds=min(number, 999))
