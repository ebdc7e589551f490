"""An inbox in memory: what unit tests use in place of Redis. test_publisher_inbox.py holds it to what Redis does."""

import asyncio
from collections.abc import Sequence

from webhook_gateway.ports import Entry, NoInbox


class FakeInbox:
    """Keeps what is appended. A test shuts ``gate`` to make writes hang, and puts into ``faults`` how they go wrong."""

    def __init__(self) -> None:
        self.batches: list[list[Entry]] = []
        self.attempts: list[list[Entry]] = []
        self.faults: list[Exception | None] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.spoilt: set[str] = set()
        """Apps whose inboxes are something else, by somebody's hand."""
        self.most_at_once = 0
        self._at_once = 0

    async def append(self, batch: Sequence[Entry]) -> None:
        """Keep ``batch``, or raise the next of ``faults``."""
        self.attempts.append(list(batch))
        self._at_once += 1
        self.most_at_once = max(self._at_once, self.most_at_once)
        try:
            await self.gate.wait()
            self._fail()
            self.batches.append([entry for entry in batch if entry.app not in self.spoilt])
            if spoilt := {entry.app for entry in batch} & self.spoilt:
                raise NoInbox(spoilt)
        finally:
            self._at_once -= 1

    async def ping(self) -> None:
        """Answer, or raise the next of ``faults``."""
        await self.gate.wait()
        self._fail()

    def payloads(self, app: str) -> list[bytes]:
        """What the inbox of ``app`` holds, in order."""
        return [entry.payload for batch in self.batches for entry in batch if entry.app == app]

    def _fail(self) -> None:
        if self.faults and (fault := self.faults.pop(0)):
            raise fault
