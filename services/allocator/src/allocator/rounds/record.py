"""The first half of a round's transaction: what came back and what came in is written down.

Results come before events, because an event may speak of what a result says. Each is applied only to the row it
speaks of: a session that has moved on since a call was started is left as it is, and looked at again if it is due.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from allocator.core import outcomes as o
from allocator.core.changes import Changes
from allocator.core.ids import AppId, SessionId
from allocator.core.intake import Arrival, take_in
from allocator.core.lifecycle import needs_view, on_due, on_outcome
from allocator.core.readings import Sight, on_view
from allocator.core.requests import Answer, Request, on_requests
from allocator.core.session import Session, State
from allocator.core.steps import NOTHING, Facts, Step, facts_of, step_of
from allocator.ports import Audit, Entry, Transaction, Unserved
from allocator.rounds.calls import Asked, Assigned, Result, Swept, Viewed
from allocator.rounds.tuning import Tuning
from contract import EventId, RoomWaiting, new_event_id
from contract.events import is_channel, is_room_id, is_source


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a round has to write down."""

    entries: Sequence[Entry]
    results: Sequence[Result]


@dataclass(slots=True)
class Recorded:
    """What became of it."""

    sessions: list[Session] = field(default_factory=list)
    """Every session that changed, as it is now."""
    moved: list[Session] = field(default_factory=list)
    """Those of them that came into another state."""
    view: list[Session] = field(default_factory=list)
    """Those whose room is to be read."""
    next_due_at: datetime | None = None
    drift: list[tuple[AppId, str]] = field(default_factory=list)
    """Differences between our ledger and the platform that were repaired."""
    steps: list[Step] = field(default_factory=list)
    """What there is to tell of it."""
    answers: list[Answer] = field(default_factory=list)
    """What became of what people asked for."""


async def record(
    tx: Transaction,
    taken: Taken,
    requests: Sequence[Request],
    *,
    now: datetime,
    tuning: Tuning,
    viewing: set[SessionId],
    reachable: Sequence[AppId],
) -> Recorded:
    """Write ``taken`` down, and carry out ``requests``. ``viewing``: sessions whose room is being read already;
    ``reachable``: the apps whose platform may be called now.
    """
    done = Recorded()
    await _write(tx, await _results(tx, taken.results, now, tuning, done), now, done, _answers(taken.results))
    found = list(_found(taken.results, now, timedelta(seconds=tuning.timing.lag_s)))
    told = [entry.arrival for entry in taken.entries if entry.arrival is not None]
    events = take_in(await tx.record([*told, *found], now), now, tuning.timing)
    done.drift.extend(_missed(events, found))
    await _write(tx, events, now, done, {SessionId(one.event.id): {"found": True} for one in found})
    await _act(tx, requests, now, done)
    await _audit(tx, taken.results, now, tuning, done)
    await _look_at_due(tx, now, tuning=tuning, viewing=viewing, reachable=reachable, done=done)
    return done


async def _results(
    tx: Transaction, results: Sequence[Result], now: datetime, tuning: Tuning, done: Recorded
) -> Changes:
    sessions = dict(await tx.sessions(_ids(results)))
    changes = Changes()
    for result in results:
        if isinstance(result, Swept) or _session_of(result).id not in sessions:
            continue
        before = sessions[_session_of(result).id]
        others_first = isinstance(result, Viewed) and await _others_first(tx, before)
        after = _applied(before, result, now, tuning, others_first=others_first)
        sessions[before.id] = after
        changes.note(before, after)
        done.drift.extend(_drift(before, after, result))
    return changes


async def _act(tx: Transaction, requests: Sequence[Request], now: datetime, done: Recorded) -> None:
    """What people asked for comes after what happened: they are answered by what is so now."""
    if not requests:
        return
    acts = on_requests(requests, await tx.concerned(requests), now)
    await _write(tx, acts.changes, now, done, acts.facts)
    await tx.answer(acts.answers, acts.halts, now)
    done.answers.extend(acts.answers)


async def _others_first(tx: Transaction, session: Session) -> bool:
    """Whether somebody waits in the app of ``session`` who came before the customer who came back to its room."""
    if session.state is not State.DOUBT or session.again_at is None:
        return False
    heads = await tx.heads(session.app, 1)
    return any(head.waiting_since < session.again_at for line in heads.values() for head in line)


def _applied(
    session: Session, result: Assigned | Viewed | Asked, now: datetime, tuning: Tuning, *, others_first: bool
) -> Session:
    match result:
        case Assigned(sent, outcome) if session.state is State.RESERVED and session.reserved_at == sent.reserved_at:
            return on_outcome(session, outcome, now, tuning.timing)
        case Viewed(asked, view, asked_at) if session == asked:
            return on_view(session, view, now, tuning.timing, Sight(asked_at=asked_at, others_first=others_first))
        case Asked(found=o.RoomRefused()) if session == result.head:
            return replace(session, verify=True, due_at=now)  # is there such a room?
        case _:
            return session


async def _look_at_due(
    tx: Transaction,
    now: datetime,
    *,
    tuning: Tuning,
    viewing: set[SessionId],
    reachable: Sequence[AppId],
    done: Recorded,
) -> None:
    due = await tx.due(now, tuning.due_max, viewing, reachable)
    back = Changes()
    for session in due.sessions:
        if needs_view(session):
            done.view.append(session)
        else:
            back.note(session, on_due(session))
    await _write(tx, back, now, done)
    done.next_due_at = due.next_at


async def _audit(tx: Transaction, results: Sequence[Result], now: datetime, tuning: Tuning, done: Recorded) -> None:
    """After a sweep: what else should be looked at again, and what can be forgotten. Those who wait keep their turn
    while they are looked at: most of them do wait.
    """
    for result in results:
        if isinstance(result, Swept):
            done.view.extend(await tx.to_audit(result.app, _audit_of(result, now, tuning)))
            await tx.forget(
                now - timedelta(seconds=tuning.events_retained_s), now - timedelta(seconds=tuning.sessions_retained_s)
            )


def _audit_of(swept: Swept, now: datetime, tuning: Tuning) -> Audit:
    complete = swept.failure is None
    return Audit(
        checked_before=now - timedelta(seconds=tuning.sweep_s / 2),
        waiting_before=now - timedelta(seconds=2 * tuning.timing.lag_s),
        unserved=frozenset(room.room for room in swept.rooms) if complete else None,
        at_most=tuning.audits_max,
    )


def _found(results: Sequence[Result], now: datetime, lag: timedelta) -> Iterator[Arrival]:
    """The rooms that sweeps found, in the order they waited, as if their webhooks had come."""
    rooms = [(result, room) for result in results if isinstance(result, Swept) for room in result.rooms]
    for swept, room in sorted(rooms, key=lambda pair: (pair[1].since, pair[1].room)):
        if is_room_id(room.room):
            event = _event(swept.app, room, now)
            yield Arrival(event=event, at=room.since, found=True, as_of=swept.asked_at - lag)


def _event(app: AppId, room: Unserved, now: datetime) -> RoomWaiting:
    source = room.source.lower()
    return RoomWaiting(
        id=EventId(new_event_id()),
        app=app,
        room=room.room,
        received_ms=int(now.timestamp() * 1000),
        source=source if is_source(source) else "unknown",
        channel=room.channel if room.channel and is_channel(room.channel) else None,
    )


def _drift(before: Session, after: Session, result: Result) -> Iterator[tuple[AppId, str]]:
    if not isinstance(result, Viewed):
        return
    match before.state, after.state:
        case State.ASSIGNED, State.WAITING:
            yield before.app, "agent_removed"
        case State.ASSIGNED, State.RESOLVED:
            yield before.app, "resolve_missed"
        case State.ASSIGNED, State.ASSIGNED if before.agent is not None and after.agent is None:
            yield before.app, "taken_over"
        case State.WAITING, State.ASSIGNED:
            yield before.app, "served_by_another"


def _missed(events: Changes, found: Sequence[Arrival]) -> Iterator[tuple[AppId, str]]:
    ids = {arrival.event.id for arrival in found}
    for before, after in events:
        if before is None and EventId(after.id) in ids:
            yield after.app, "webhook_missed"


async def _write(
    tx: Transaction, changes: Changes, now: datetime, done: Recorded, facts: Mapping[SessionId, Facts] | None = None
) -> None:
    told = (step_of(before, after, now, (facts or {}).get(after.id, NOTHING)) for before, after in changes)
    steps = [step for step in told if step is not None]
    await tx.write(changes, steps)
    done.steps.extend(steps)
    done.sessions.extend(changes.after)
    done.moved.extend(after for before, after in changes if before is None or before.state is not after.state)


def _answers(results: Sequence[Result]) -> dict[SessionId, Facts]:
    """What the platform said of which session."""
    found: dict[SessionId, Facts] = {}
    for result in results:
        match result:
            case Assigned(session, outcome):
                found[session.id] = {**facts_of(outcome), "sent_at": result.sent_at, "took_s": result.took_s}
            case Viewed(session, view):
                found[session.id] = {"room": facts_of(view)}
            case Asked(head=session, found=o.RoomRefused() as refused):
                found[session.id] = facts_of(refused)
    return found


def _session_of(result: Assigned | Viewed | Asked) -> Session:
    return result.head if isinstance(result, Asked) else result.session


def _ids(results: Sequence[Result]) -> Iterator[SessionId]:
    for result in results:
        if isinstance(result, Assigned | Viewed) or (
            isinstance(result, Asked) and isinstance(result.found, o.RoomRefused)
        ):
            yield _session_of(result).id


def by_app(results: Sequence[Result]) -> Mapping[AppId, list[Result]]:
    """``results`` by the app they concern."""
    apps: dict[AppId, list[Result]] = {}
    for result in results:
        app = result.app if isinstance(result, Asked | Swept) else result.session.app
        apps.setdefault(app, []).append(result)
    return apps
