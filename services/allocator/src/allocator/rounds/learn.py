"""What rounds and their calls say of how things are, whatever becomes of the sessions."""

from collections.abc import Iterable

from allocator.core import outcomes as o
from allocator.core.ids import AppId, RoomId
from allocator.ports import Inbox, Unavailable
from allocator.rounds.calls import Asked, Assigned, Result, Swept, Viewed
from allocator.rounds.desk import Desk
from chassis.logs import logger
from contract import RoomResolved

PEEK_S = 0.001
_log = logger(__name__)


def learn(desk: Desk, results: Iterable[Result], now: float) -> None:
    """What ``results`` say about the platform as a whole."""
    for result in results:
        match result:
            case Assigned(outcome=outcome):
                desk.answered(outcome, now)
            case Viewed(view=view):
                desk.answered(view.because if isinstance(view, o.NotSeen) else view, now)
            case Asked(lane=lane, found=found):
                desk.answered(found, now)
                desk.asked(lane, found, now)
            case Swept(failure=failure):
                desk.answered(failure, now)


def say_if_slow(took_s: float, trusted_s: float) -> None:
    """A round that took longer than who is online is ``trusted_s`` gives out by what was so a while ago: nobody is
    lost by it, each roster is good for its first plan (:class:`~allocator.rounds.desk.Desk`), but every customer waits
    for it. At most once in that time.
    """
    if took_s > trusted_s:
        _log.warning(
            "round_slow",
            took_s=round(took_s, 2),
            then="all are served, later",
            remedy="look at what PostgreSQL waits for: disk, locks, network",
        )


async def ended_in(inbox: Inbox, at_most: int) -> frozenset[tuple[AppId, RoomId]]:
    """The rooms of whose end the inbox tells, as far as it can be read now, and in its first ``at_most`` entries."""
    try:
        entries = await inbox.read(at_most, PEEK_S)
    except Unavailable:
        return frozenset()
    events = [entry.arrival.event for entry in entries if entry.arrival is not None]
    return frozenset((event.app, event.room) for event in events if isinstance(event, RoomResolved))
