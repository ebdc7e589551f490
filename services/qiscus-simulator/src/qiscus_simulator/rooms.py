"""The list of rooms as the platform gives it. Pure.

Newest ``last_comment_timestamp`` first, and the cursor *is* that timestamp, to the second: rows that share a second at
the edge of a page are skipped, and rows move while one pages. That is how it was recorded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import nlargest, nsmallest
from typing import Final

from qiscus_simulator.platform import Platform
from qiscus_simulator.values import Room, RoomView

LIMIT: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomQuery:
    """What the caller asked; empty text: not asked."""

    serve_status: str
    status: str
    cursor_after: str
    cursor_before: str
    limit: int


def page(platform: Platform, query: RoomQuery, now: float, as_of: float) -> list[tuple[Room, RoomView]]:
    """Return one page as the list was at ``as_of``. ValueError for a cursor that is no timestamp."""
    after, before = _seconds(query.cursor_after), _seconds(query.cursor_before)
    rows = (
        (room, view)
        for room, view in _seen(platform, query, now, as_of)
        if _fits(query, view)
        and (after is None or int(view.last_comment_at) < after)
        and (before is None or int(view.last_comment_at) > before)
    )
    if before is not None:
        return nsmallest(query.limit, rows, key=lambda row: row[1].last_comment_at)[::-1]
    return nlargest(query.limit, rows, key=lambda row: row[1].last_comment_at)


def _seen(platform: Platform, query: RoomQuery, now: float, as_of: float) -> Iterator[tuple[Room, RoomView]]:
    open_only = bool(query.serve_status) or query.status == "unresolved"
    for room in platform.rooms_lately(now) if open_only else platform.in_order:
        if room.views.known_at(as_of):
            yield room, room.views.as_of(as_of)


def _fits(query: RoomQuery, view: RoomView) -> bool:
    if query.serve_status == "unserved" and not view.is_waiting:
        return False
    if query.serve_status == "served" and (view.is_waiting or view.is_resolved):
        return False
    if query.status == "resolved":
        return view.is_resolved
    if query.status == "unresolved":
        return not view.is_resolved
    return query.status != "expired"


def _seconds(cursor: str) -> int | None:
    if not cursor:
        return None
    return int(datetime.fromisoformat(cursor).replace(tzinfo=UTC).timestamp())
