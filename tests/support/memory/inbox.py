"""Inboxes in memory, one for each app."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from allocator.core.intake import Arrival
from allocator.ports import Clock, Entry
from contract import AppId, Event, Unreadable, decode, encode
from support.memory.script import Script


class MemoryInbox:
    """The :class:`~allocator.ports.Inbox`."""

    def __init__(self, clock: Clock, apps: Sequence[AppId]) -> None:
        self.script = Script()
        self._clock = clock
        self._streams: dict[AppId, dict[str, bytes]] = {app: {} for app in apps}
        self._aside: dict[AppId, list[tuple[str, bytes]]] = {app: [] for app in apps}
        self._last = (0, 0)
        self._news = asyncio.Event()

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
        self._news.set()
        return entry_id

    def left(self, app: AppId) -> list[str]:
        """The ids of what is still in the inbox, in order."""
        return list(self._streams[app])

    def put_aside(self, app: AppId) -> list[tuple[str, bytes]]:
        """Why, and what, for each entry that nobody could read."""
        return list(self._aside[app])

    async def read(self, at_most: int, wait_s: float) -> Sequence[Entry]:
        """See the port."""
        await self.script.begin("read")
        if not self._heads(1):
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
        found = self._heads(at_most)
        await self.script.end("read")
        return found

    async def delete(self, entries: Sequence[Entry]) -> None:
        """See the port."""
        async with self.script.around("delete"):
            for entry in entries:
                content = self._streams[entry.app].pop(entry.id, None)
                if content is not None and entry.arrival is None:
                    self._aside[entry.app].append((entry.why or "", content))

    def _heads(self, at_most: int) -> list[Entry]:
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
