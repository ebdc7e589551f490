"""A flood of the same warning is folded: whoever reads the log at night must see the others too.

Of lines from ``warning`` on that are the same in logger, event, app and reason, the first ``FIRST`` in ``WINDOW_S`` are
written. The next one that is written after that says in ``folded`` how many were not.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

FIRST = 5
WINDOW_S = 10.0
KEPT_MAX = 1000
"""So many kinds are remembered; beyond them all are forgotten, and written again."""

_Kind = tuple[str, int, str, object, object]


@dataclass(slots=True)
class _Seen:
    since: float
    written: int
    folded: int


class Folding(logging.Filter):
    """For a handler. ``clock``: seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: dict[_Kind, _Seen] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether ``record`` is written."""
        if record.levelno < logging.WARNING:
            return True
        now, kind = self._clock(), _kind_of(record)
        seen = self._seen.get(kind)
        if seen is None or now - seen.since >= WINDOW_S:
            folded = seen.folded if seen is not None else 0
            if len(self._seen) >= KEPT_MAX:
                self._seen.clear()
            self._seen[kind] = _Seen(since=now, written=1, folded=0)
            if folded and isinstance(record.msg, dict):
                record.msg["folded"] = folded
            return True
        if seen.written < FIRST:
            seen.written += 1
            return True
        seen.folded += 1
        return False


def _kind_of(record: logging.LogRecord) -> _Kind:
    """What makes lines the same; of a library's line its template, not what was put into it."""
    line = record.msg
    if isinstance(line, dict):
        return record.name, record.levelno, str(line.get("event")), line.get("app"), line.get("reason")
    return record.name, record.levelno, str(line), None, None
