"""What was given out lately, to notice that a server has lost what it had committed: a standby took its place."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from allocator.core.ids import SessionId
from allocator.core.session import Session


class Given:
    """Remembers reservations for ``memory``, by their own times."""

    def __init__(self, memory: timedelta) -> None:
        self._memory = memory
        self._at: dict[SessionId, datetime] = {}  # in the order of time

    @property
    def ids(self) -> Collection[SessionId]:
        """The sessions that are remembered."""
        return self._at.keys()

    def note(self, session: Session) -> None:
        """``session`` was reserved, which is committed."""
        assert session.reserved_at is not None
        self._at.pop(session.id, None)
        self._at[session.id] = session.reserved_at
        oldest = session.reserved_at - self._memory
        while self._at and self._at[first := next(iter(self._at))] < oldest:
            del self._at[first]

    def is_lost_in(self, rows: Mapping[SessionId, Session]) -> bool:
        """Whether one of them is gone from ``rows``, or older there than it was."""
        return any(_is_lost(rows.get(one), at) for one, at in self._at.items())

    def forget(self) -> None:
        """Begin anew."""
        self._at.clear()


def _is_lost(row: Session | None, reserved_at: datetime) -> bool:
    return row is None or row.reserved_at is None or row.reserved_at < reserved_at
