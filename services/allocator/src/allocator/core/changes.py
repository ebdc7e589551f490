"""The rows that a round changes, each as it was and as it shall be."""

from collections.abc import Iterator

from allocator.core.ids import SessionId
from allocator.core.lifecycle import successor
from allocator.core.session import OPEN, Session


class Changes:
    """Collects changes of sessions; a session that changes twice keeps its first *before*."""

    def __init__(self) -> None:
        self._pairs: dict[SessionId, tuple[Session | None, Session]] = {}

    def note(self, before: Session | None, after: Session, number: int | None = None) -> Session:
        """``before`` (None: a new row) becomes ``after``. Returns the room's session from now on: ``after``, or
        the one that begins where it ended, which is noted as well. ``number``: the platform's for ``after``.
        """
        first = self._pairs[after.id][0] if after.id in self._pairs else before
        if first == after:
            self._pairs.pop(after.id, None)
        else:
            self._pairs[after.id] = (first, after)
        if before is not None and before.state not in OPEN:
            return after  # what began where it ended was noted then
        follower = successor(after, number)
        return after if follower is None else self.note(None, follower)

    def __iter__(self) -> Iterator[tuple[Session | None, Session]]:
        return iter(self._pairs.values())

    def __len__(self) -> int:
        return len(self._pairs)

    @property
    def after(self) -> list[Session]:
        """The sessions as they shall be."""
        return [after for _, after in self._pairs.values()]
