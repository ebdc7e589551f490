"""What people ask the leader for, and what becomes of it: the third part of the lifecycle (``core.lifecycle``).

A request is a row that a person wrote; nobody but the leader carries it out, in a transaction of its term. Each gets
an answer: done (also where it was so already, so that asking twice does no harm), or refused, with a sentence that
says what to do instead. Whoever the platform may have been told of is not touched.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from allocator.core.changes import Changes
from allocator.core.ids import AppId, RoomId, SessionId
from allocator.core.intake import Room
from allocator.core.lifecycle import ended
from allocator.core.policy import Halt
from allocator.core.session import Session, State, moved_by_hand

RequestId = NewType("RequestId", str)
"""Hexadecimal UUIDv7, made where it is asked."""

REQUESTS_MAX = 100
"""So many are taken up at once; the rest a tick later."""
BY_MAX = 64
"""So long is the name of whoever asks, at most."""
BY_HAND = "withdrawn by a person"
"""The ending of who was withdrawn on request, and can be asked for again."""


class Kind(StrEnum):
    """What can be asked for: of a room, or (the last two) of an app."""

    REQUEUE = "requeue"
    WITHDRAW = "withdraw"
    PAUSE = "pause"
    RESUME = "resume"


OF_ROOMS = frozenset({Kind.REQUEUE, Kind.WITHDRAW})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What ``by`` asked for, ``at`` by Postgres's clock. ``room``: None where it is about the app."""

    id: RequestId
    app: AppId
    kind: Kind
    room: RoomId | None
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a request, and the sentence for whoever asked."""

    request: Request
    done: bool
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What came in silence: ``policies`` for these apps, and requests that nobody has answered, oldest first."""

    policies: Collection[AppId]
    requests: Sequence[Request]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What some requests are about: each room's open session, else the one that ended last; who halted the apps."""

    sessions: Mapping[Room, Session]
    halts: Mapping[AppId, Halt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """All that some requests bring about. ``halts``: of the apps for which that changes; None: halted no more.
    ``facts``: who asked, for the story of a session.
    """

    answers: Sequence[Answer]
    changes: Changes
    halts: Mapping[AppId, Halt | None]
    facts: Mapping[SessionId, Mapping[str, Any]]


def on_requests(requests: Sequence[Request], ground: Ground, now: datetime) -> Acts:
    """Carry out ``requests``, in their order: a fold over :func:`on_room` and :func:`on_app`."""
    sessions, halts = dict(ground.sessions), dict[AppId, Halt | None](ground.halts)
    answers, changes, facts = [], Changes(), {}
    for request in requests:
        if request.room is None:
            halts[request.app], answer = on_app(request, halts.get(request.app))
        else:
            before = sessions.get((request.app, request.room))
            after, answer = on_room(request, before, now)
            if after is not None and after != before:
                sessions[request.app, request.room] = changes.note(before, after)
                facts[after.id] = {"by": request.by, "request": request.id}
        answers.append(answer)
    changed = {app: halt for app, halt in halts.items() if halt != ground.halts.get(app)}
    return Acts(answers=answers, changes=changes, halts=changed, facts=facts)


def on_app(request: Request, halt: Halt | None) -> tuple[Halt | None, Answer]:
    """How the app is halted after a pause or a resume, and the answer. Who paused first stays who paused."""
    match request.kind, halt:
        case Kind.PAUSE, None:
            return Halt(by=request.by, since=request.at), _done(request, "nobody is assigned from now on")
        case Kind.PAUSE, Halt(by=by):
            return halt, _done(request, f"it was paused already, by {by}")
        case _, None:
            return None, _done(request, "nobody had paused it by hand")
        case _:
            return None, _done(request, "customers are assigned again")


def on_room(request: Request, session: Session | None, now: datetime) -> tuple[Session | None, Answer]:
    """The room's session after a requeue or a withdrawal, and the answer."""
    if session is None:
        return None, _refused(request, "nothing is known of it")
    if session.state in (State.RESERVED, State.DOUBT):
        why = f"the platform may have been told to assign agent {session.agent}: ask again when that is settled"
        return session, _refused(request, why)
    return (_requeue if request.kind is Kind.REQUEUE else _withdraw)(request, session, now)


def _requeue(request: Request, session: Session, now: datetime) -> tuple[Session, Answer]:
    match session.state:
        case State.WAITING:
            return session, _done(request, "it waits already, at its place")
        case State.ASSIGNED:
            why = f"{_served(session)}: take the agent out at the platform, and it waits again"
            return session, _refused(request, why)
        case State.PARKED:
            return _waits_again(session, now), _done(request, "it waits again, at its old place")
        case State.WITHDRAWN if session.ending == BY_HAND:
            return _waits_again(session, now), _done(request, "it waits again, at its old place")
        case _:
            return session, _refused(request, "the conversation is over: its customer's next message begins another")


def _withdraw(request: Request, session: Session, now: datetime) -> tuple[Session, Answer]:
    match session.state:
        case State.WAITING:  # also who came back meanwhile
            over = ended(replace(session, again_at=None), State.WITHDRAWN, now, BY_HAND)
            return over, _done(request, "it waits no more, until its customer writes again")
        case State.PARKED:  # nobody served it: with an agent it would count as a slot that came free now
            over = moved_by_hand(session, State.WITHDRAWN, agent=None, ended_at=now, ending=BY_HAND)
            return over, _done(request, "it is on no list any more, until its customer writes again")
        case State.ASSIGNED:
            return session, _refused(request, f"{_served(session)}: resolve it at the platform")
        case State.WITHDRAWN if session.ending == BY_HAND:
            return session, _done(request, "it was withdrawn already")
        case _:
            return session, _refused(request, "the conversation is over: nobody waits in it")


def _waits_again(session: Session, now: datetime) -> Session:
    """At its old place, with nothing held against it; its room is read first, for much may have happened there."""
    return moved_by_hand(
        session,
        State.WAITING,
        agent=None,
        unknown_at=None,
        assigned_at=None,
        ended_at=None,
        ending=None,
        verify=True,
        due_at=now,
        tries=0,
        refusals=0,
        avoid=(),
        resolve_seen=False,
        again_at=None,
    )


def _served(session: Session) -> str:
    return "somebody serves it" if session.agent is None else f"agent {session.agent} serves it"


def _done(request: Request, says: str) -> Answer:
    return Answer(request=request, done=True, says=says)


def _refused(request: Request, says: str) -> Answer:
    return Answer(request=request, done=False, says=says)
