"""What the log says of customers: one line for each who came to an agent, and one for each who never will; and of what
people asked for.
"""

from collections.abc import Iterable

from allocator.core.requests import Answer
from allocator.core.session import Session, State
from chassis.logs import logger

_log = logger(__name__)


def tell(moved: Iterable[Session], answers: Iterable[Answer] = ()) -> None:
    """Of the sessions that came into the states they are in now, and of requests, all of it written down."""
    for answer in answers:
        _tell_of(answer)
    for session in moved:
        if session.state is State.ASSIGNED:
            assert session.assigned_at is not None
            waited_s = round(max(0.0, (session.assigned_at - session.waiting_since).total_seconds()), 3)
            _log.info("assigned", app=session.app, room=session.room, agent=session.agent, waited_s=waited_s)
        elif session.state is State.PARKED:
            remedy = "`allocator why ROOM` tells the reason; then `allocator requeue ROOM` or `withdraw ROOM`"
            _log.warning("parked", app=session.app, room=session.room, remedy=remedy)
        elif session.ended_at is not None:
            _log.debug("ended", app=session.app, room=session.room, state=str(session.state))


def _tell_of(answer: Answer) -> None:
    asked, outcome = answer.request, "done" if answer.done else "refused"
    kind, room = str(asked.kind), asked.room
    _log.info("request_answered", app=asked.app, kind=kind, room=room, by=asked.by, outcome=outcome, why=answer.says)
