"""What a webhook that is written down does to the row of its room: the bare bones of ``core.intake`` and ``core.lifecycle``."""

from model.world import ASSIGNED, DOUBT, NONE, RESERVED, WAITING, Event, Row


def taken_in(row: Row, event: Event) -> Row:
    """``row`` after ``event``. The platform's numbers of sessions grow, so one that comes late is known."""
    return _resolved(row, event) if event.resolved else _waits(row, event)


def ended(row: Row) -> Row:
    """Its session is over. If the customer wrote again before the end came, the next begins, and its room is read first."""
    if row.again:
        return Row(WAITING, session=row.session, check=True)
    return Row(NONE, session=row.session)


def _waits(row: Row, event: Event) -> Row:
    """The room's customer waits, in session ``event.session``."""
    if event.session < row.session or (event.session == row.session and row.state != NONE):
        return row
    if row.state in (RESERVED, DOUBT):
        return row._replace(session=event.session, over=True, again=True)
    if row.state == ASSIGNED and _is_in_question(row, event):
        return row._replace(session=event.session, check=True)
    return Row(WAITING, session=event.session)


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
    """Whether a request of ours may have landed in a later session than the one that ``event`` speaks of: the room tells."""
    return event.before or row.may_land
