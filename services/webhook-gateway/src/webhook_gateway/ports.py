"""What the way in needs from the store, and what can go wrong with it, by what the caller should do.

Unavailable          later; says after how many seconds
├── Overloaded       more is waiting than we promised to hold
├── NoInbox          of some apps: what stands in place of their inboxes is none; what was for others is durable
└── Interrupted      the connection broke: nobody knows whether it was written; the same entries may be
                     sent again, because recording is idempotent by event id
"""

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from contract import AppId

RETRY_AFTER_S = 1


class Unavailable(Exception):
    """The event is not known to be durable. The text is a few words on why, without any value."""

    def __init__(self, reason: str, *, retry_after_s: int = RETRY_AFTER_S) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s


class Overloaded(Unavailable):
    """As many events wait as may wait."""


class NoInbox(Unavailable):
    """What stands in place of the inboxes of ``apps`` is something else; what was for other apps is durable."""

    def __init__(self, apps: Collection[AppId]) -> None:
        super().__init__("an inbox is something else in redis", retry_after_s=10)
        self.apps = apps


class Interrupted(Unavailable):
    """The connection broke before the answer came."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event on its way to the inbox of its app."""

    app: AppId
    payload: bytes


class Inbox(Protocol):
    """Where events wait until they are recorded."""

    async def append(self, batch: Sequence[Entry]) -> None:
        """Write all of ``batch``, in its order, and return when it is durable. Raises :class:`Unavailable`, and nothing
        of it is known to be durable; or :class:`NoInbox`, and what is for other apps is.
        """

    async def ping(self) -> None:
        """Return soon when the store answers. Raises :class:`Unavailable`."""
