"""What the log says of customers: one line for each who came to an agent, and one for each who never will."""

from collections.abc import Iterable

from allocator.core.session import Session, State
from chassis.logs import logger

_log = logger(__name__)


def tell(moved: Iterable[Session]) -> None:
    """Of the sessions that came into the states they are in now, and are written down so."""
    for session in moved:
        if session.state is State.ASSIGNED:
            assert session.assigned_at is not None
            waited_s = round(max(0.0, (session.assigned_at - session.waiting_since).total_seconds()), 3)
            _log.info("assigned", app=session.app, room=session.room, agent=session.agent, waited_s=waited_s)
        elif session.state is State.PARKED:
            remedy = "`allocator why ROOM` tells the reason; assign them at the platform"
            _log.warning("parked", app=session.app, room=session.room, remedy=remedy)
        elif session.ended_at is not None:
            _log.debug("ended", app=session.app, room=session.room, state=str(session.state))
