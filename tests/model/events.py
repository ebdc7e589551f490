"""What a webhook that is written down does to the row of its room: the bare bones of ``core.intake`` and
``core.lifecycle``.
"""

from model.world import ASSIGNED, DOUBT, NONE, RESERVED, WAITING, Event, Row


def taken_in(row: Row, event: Event) -> Row:
    """``row`` after ``event``. The platform's numbers of sessions grow, so one that comes late is known."""
    return _resolved(row, event) if event.resolved else _waits(row, event)


def ended(row: Row) -> Row:
    """Its session is over. If the customer wrote again before the end came, the next begins, and its room is read
    first.
    """
    if row.again:
        return Row(WAITING, session=row.session, check=True)
    return Row(NONE, session=row.session)


def _waits(row: Row, event: Event) -> Row:
    """The room's customer waits, in session ``event.session``."""
    if row.state == NONE and event.session >= row.session:
        return Row(WAITING, session=event.session)
    if event.session <= row.session:
        return _said_again(row) if event.session == row.session else row
    if row.state in (RESERVED, DOUBT):
        return row._replace(session=event.session, over=True, again=True)
    if row.state == ASSIGNED and _is_in_question(row, event):
        return row._replace(session=event.session, check=True)
    return Row(WAITING, session=event.session)


def _said_again(row: Row) -> Row:
    """The customer of the session that the row stands for wrote: should what is under way end, there is another to
    begin.
    """
    if row.state in (RESERVED, DOUBT) and row.over:
        return row._replace(again=True)
    return row._replace(again=True, check=True) if row.state == ASSIGNED else row


def _resolved(row: Row, event: Event) -> Row:
    """The room's session ``event.session`` is over."""
    if row.state == NONE or event.session < row.session:
        return row
    if row.state in (RESERVED, DOUBT):
        return row._replace(session=event.session + 1, over=True)
    if row.state == ASSIGNED and not _is_in_question(row, event):
        return ended(row)
    return row._replace(session=event.session + 1, check=True)


def _is_in_question(row: Row, event: Event) -> bool:
    """Whether a request of ours may have landed in a later session than the one that ``event`` speaks of: the room
    tells.
    """
    return event.before or row.may_land
