"""What no sequence of things that happen can break."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.allocator.making import NOON, TIMING, after, waiting

from allocator.core import outcomes as o
from allocator.core.ids import AgentId
from allocator.core.lifecycle import needs_view, on_due, on_outcome, on_recovery, on_resolved, on_waiting, reserve
from allocator.core.readings import on_view
from allocator.core.session import MOVES, OPEN, UNSETTLED, State

OUTCOMES = [
    o.Done(),
    o.SomebodyThere(),
    o.AlreadyOver(),
    o.AgentRefused("HTTP 400"),
    o.RoomRefused("HTTP 404"),
    o.CredentialsRefused(),
    o.NotNow(3.0),
    o.Unknown("no answer in time"),
    o.NotSent(),
]
VIEWS = [
    o.Waits(),
    o.Served(ours=True),
    o.Served(ours=False),
    o.Over(),
    o.Missing(),
    o.NotSeen(o.Unknown("no answer in time")),
]
HAPPENS = st.one_of(
    st.tuples(st.just("outcome"), st.sampled_from(OUTCOMES)),
    st.tuples(st.just("view"), st.sampled_from(VIEWS)),
    st.tuples(st.sampled_from(["waiting", "resolved", "recovery", "reserve"]), st.none()),
)
STEPS = st.lists(st.tuples(HAPPENS, st.sampled_from([0.0, 0.3, 1.0, 4.0, 31.0, 100.0])), max_size=25)


def happen(session, what, detail, now):
    """The session after what happened, where the leader would let it happen; otherwise as it was."""
    if session.state not in OPEN:
        return session
    due = session.due_at is not None and session.due_at <= now
    match what:
        case "outcome" if session.state is State.RESERVED:
            return on_outcome(session, detail, now, TIMING)
        case "view" if due:
            return on_view(session, detail, now, TIMING) if needs_view(session) else on_due(session)
        case "waiting":
            return on_waiting(session, now, now, TIMING)
        case "resolved":
            return on_resolved(session, now, TIMING)
        case "recovery" if session.state in UNSETTLED:
            return on_recovery(session, now, over=False)
        case "reserve" if session.state is State.WAITING and session.due_at is None:
            agent = AgentId(1 + len(session.avoid))
            return reserve(session, agent=agent, slot=1, capacity=2, version=1, now=now)
    return session


@settings(max_examples=300, deadline=None)
@given(STEPS, st.booleans())
def test_whatever_happens_the_promises_of_a_session_hold(steps, verify):
    session, now = waiting(verify=verify), NOON
    for (what, detail), pause in steps:
        now += timedelta(seconds=pause)
        before, session = session, happen(session, what, detail, now)
        keeps_its_promises(session)
        keeps_its_place(before, session)
        moves_by_the_table(before, session)
        holds_while_a_request_may_land(before, session, detail, now)


def keeps_its_promises(session):
    ours = session.state is State.ASSIGNED and session.agent is not None
    assert (session.slot is not None) == (session.state in UNSETTLED or ours)
    assert (session.capacity is not None) == (session.slot is not None)
    assert (session.ended_at is not None) == (session.state not in OPEN)
    if session.state not in OPEN:
        assert session.due_at is None
        assert session.ending
    if session.state is State.DOUBT:
        assert session.due_at is not None, "nobody would ever look at it again"
    if session.state is State.RESERVED:
        assert session.due_at is None
    if session.state is State.WAITING:
        assert session.unknown_at is None, "given back while a request may land"
        assert not session.verify or session.due_at is not None, "in question, and nobody would look"


def keeps_its_place(before, session):
    """Unless a request lands in the customer's next session: then it is that one, and has its place."""
    assert session.waiting_since in {before.waiting_since, before.again_at}
    assert session.waiting_since >= before.waiting_since


def moves_by_the_table(before, session):
    allowed = MOVES[before.state] | (MOVES[State.DOUBT] if before.unknown_at else frozenset())
    assert session.state is before.state or session.state in allowed


def holds_while_a_request_may_land(before, session, detail, now):
    """Agent and slot stay until the quarantine is over, unless the room is over, or served, for sure."""
    if before.state not in UNSETTLED or before.unknown_at is None:
        return
    if now >= before.unknown_at + timedelta(seconds=TIMING.quarantine_s):
        return
    if session.state in UNSETTLED:
        assert (session.agent, session.slot) == (before.agent, before.slot)
        return
    sure = (o.Done, o.Served, o.Over, o.AlreadyOver)
    assert isinstance(detail, sure), f"{before.state} became {session.state} by {detail}"


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_a_session_can_always_come_to_an_end(steps):
    """From wherever it got to, a platform that answers again brings it to its end."""
    session, now = waiting(), NOON
    for (what, detail), pause in steps:
        now += timedelta(seconds=pause)
        session = happen(session, what, detail, now)
    for _ in range(20):
        now += timedelta(seconds=100)
        session = happen(session, "reserve", None, now)
        session = happen(session, "outcome", o.Done(), now)
        session = happen(session, "view", o.Served(ours=True), now)
        session = happen(session, "resolved", None, now)
        now += timedelta(seconds=100)
        session = happen(session, "view", o.Over(), now)  # as a room shows that was resolved
    assert session.state not in OPEN


def test_the_same_thing_told_twice_changes_nothing_more():
    once = on_resolved(replace(waiting(), verify=False), after(1), TIMING)
    assert on_resolved(once, after(1), TIMING) == once
