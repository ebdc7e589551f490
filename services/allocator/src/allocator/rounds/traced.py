"""What traces show of customers: the steps of their sessions, each as a span under the webhook that began it.

``recorded`` lasts from the inbox to Postgres, ``reserved`` as long as the wait did, a call of the platform
(``assigned``, or what else came of it: ``doubt``, ``back``, …) as long as the call; what only happened has no length.
How a session ends is not shown: a trace is looked at long before.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from allocator.core.session import Session
from allocator.core.steps import Step, What
from allocator.rounds.record import Recorded
from allocator.rounds.reserve import Reserved
from chassis.traces import Role, Span, Tracer, place_of

_LEFT_OUT = frozenset({What.RESOLVED, What.IN_QUESTION})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


def trace(tracer: Tracer | None, recorded: Recorded, reserved: Iterable[Reserved]) -> None:
    """Tell ``tracer``, if there is one, of what a round wrote down."""
    if tracer is None:
        return
    _tell(tracer, recorded.steps, recorded.sessions)
    for one in reserved:
        _tell(tracer, one.steps, [*one.sessions, *one.waiting])


def _tell(tracer: Tracer, steps: Iterable[Step], sessions: Iterable[Session]) -> None:
    traced = {session.id: session for session in sessions if session.trace is not None}
    for step in steps:
        session = traced.get(step.session)
        if session is not None and step.what not in _LEFT_OUT and (span := _span(step, session)) is not None:
            tracer.tell(span)


def _span(step: Step, session: Session) -> Span | None:
    parent = place_of(session.trace or "")
    if parent is None or not parent.is_sampled:
        return None
    outcome = step.facts.get("platform")
    began, ended = _lasted(step, session)
    return Span(
        name=str(step.what),
        role=Role.INTERNAL if outcome is None else Role.CLIENT,
        place=parent.below(),
        parent=parent,
        began_ns=_ns(began),
        ended_ns=_ns(ended),
        app=step.app,
        room=step.room,
        reason=step.why if step.what is What.WAITS else None,
        outcome=outcome,
        agent=step.agent,
    )


def _lasted(step: Step, session: Session) -> tuple[datetime, datetime]:
    """From when to when. The beginning of a wait is by Redis's clock, which may be ahead of ours."""
    sent_at, took_s = step.facts.get("sent_at"), step.facts.get("took_s", 0.0)
    if sent_at is not None:
        return sent_at, sent_at + timedelta(seconds=took_s)
    if step.what in {What.RECORDED, What.RESERVED}:
        return session.waiting_since, step.at
    return step.at, step.at


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // _US * 1000
