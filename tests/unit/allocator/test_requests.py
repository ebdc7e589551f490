"""What people ask for, and what becomes of it: every state of a room, every word."""

from dataclasses import replace

import pytest
from unit.allocator.making import AGENT, APP, NOON, TIMING, after, reserved, waiting

from allocator.core import outcomes as o
from allocator.core.ids import AppId, RoomId
from allocator.core.lifecycle import ended, on_outcome
from allocator.core.policy import Halt
from allocator.core.requests import BY_HAND, Ground, Kind, Request, RequestId, on_app, on_requests, on_room
from allocator.core.session import MOVES, MOVES_BY_HAND, State, moved_by_hand

ROOM = RoomId("100")
NOW = after(600)


def asked(kind, *, number=1, room=ROOM, by="budi", app=APP):
    about = None if kind in (Kind.PAUSE, Kind.RESUME) else room
    return Request(id=RequestId(f"{number:032x}"), app=app, kind=kind, room=about, by=by, at=after(599))


WAITS = waiting(1)
RESERVED = reserved(WAITS)
DOUBT = on_outcome(RESERVED, o.Unknown("no answer in time"), after(20), TIMING)
SERVED = on_outcome(RESERVED, o.Done(), after(20), TIMING)
FOREIGN = replace(SERVED, agent=None, slot=None, capacity=None)
PARKED = replace(
    on_outcome(RESERVED, o.RoomRefused("HTTP 422"), after(20), TIMING), refusals=3, avoid=(AGENT,), resolve_seen=True
)
RESOLVED = ended(SERVED, State.RESOLVED, after(30), "resolved")
OVER = ended(WAITS, State.WITHDRAWN, after(30), "resolved while it waited")
BY_PERSON = ended(WAITS, State.WITHDRAWN, after(30), BY_HAND)

TABLE = [
    # of whom          what           done   what is said of it                          and then it is
    (None, Kind.REQUEUE, False, "nothing is known", None),
    (None, Kind.WITHDRAW, False, "nothing is known", None),
    (WAITS, Kind.REQUEUE, True, "waits already", State.WAITING),
    (WAITS, Kind.WITHDRAW, True, "waits no more", State.WITHDRAWN),
    (RESERVED, Kind.REQUEUE, False, "may have been told to assign agent 7", State.RESERVED),
    (RESERVED, Kind.WITHDRAW, False, "may have been told to assign agent 7", State.RESERVED),
    (DOUBT, Kind.REQUEUE, False, "may have been told to assign agent 7", State.DOUBT),
    (DOUBT, Kind.WITHDRAW, False, "may have been told to assign agent 7", State.DOUBT),
    (SERVED, Kind.REQUEUE, False, "agent 7 serves it: take the agent out", State.ASSIGNED),
    (SERVED, Kind.WITHDRAW, False, "agent 7 serves it: resolve it", State.ASSIGNED),
    (FOREIGN, Kind.WITHDRAW, False, "somebody serves it", State.ASSIGNED),
    (PARKED, Kind.REQUEUE, True, "waits again, at its old place", State.WAITING),
    (PARKED, Kind.WITHDRAW, True, "on no list", State.WITHDRAWN),
    (RESOLVED, Kind.REQUEUE, False, "is over", State.RESOLVED),
    (RESOLVED, Kind.WITHDRAW, False, "nobody waits in it", State.RESOLVED),
    (OVER, Kind.REQUEUE, False, "is over", State.WITHDRAWN),
    (OVER, Kind.WITHDRAW, False, "nobody waits in it", State.WITHDRAWN),
    (BY_PERSON, Kind.REQUEUE, True, "waits again", State.WAITING),
    (BY_PERSON, Kind.WITHDRAW, True, "already", State.WITHDRAWN),
]


@pytest.mark.parametrize(("before", "kind", "done", "says", "state"), TABLE)
def test_each_state_has_its_answer(before, kind, done, says, state):
    after_it, answer = on_room(asked(kind), before, NOW)
    assert (answer.done, after_it and after_it.state) == (done, state)
    assert says in answer.says
    if not done or (before is not None and before.state is state):
        assert after_it is before


def test_the_table_is_whole():
    told = {(before.state, kind) for before, kind, *_ in TABLE if before is not None}
    assert told == {(state, kind) for state in State for kind in (Kind.REQUEUE, Kind.WITHDRAW)}


@pytest.mark.parametrize("before", [PARKED, BY_PERSON])
def test_who_waits_again_has_the_old_place_and_nothing_held_against_it_and_the_room_is_read_first(before):
    again, _ = on_room(asked(Kind.REQUEUE), before, NOW)
    assert (again.id, again.waiting_since, again.previous) == (before.id, before.waiting_since, before.previous)
    assert (again.verify, again.due_at) == (True, NOW)
    assert (again.refusals, again.tries, again.avoid, again.resolve_seen) == (0, 0, (), False)
    assert (again.agent, again.slot, again.unknown_at, again.assigned_at) == (None, None, None, None)
    assert (again.ended_at, again.ending) == (None, None)


def test_who_is_withdrawn_is_at_an_end_also_who_came_back_meanwhile():
    """Else another session would begin where this one ended."""
    came_back = replace(WAITS, again_at=after(5), verify=True, due_at=NOW)
    acts = on_requests([asked(Kind.WITHDRAW)], ground(came_back), NOW)
    (one,) = acts.changes.after
    assert (one.state, one.ended_at, one.ending, one.due_at, one.verify) == (
        *(State.WITHDRAWN, NOW, BY_HAND, None, False),
    )


def test_a_parked_one_that_is_withdrawn_counts_for_no_agent():
    over, _ = on_room(asked(Kind.WITHDRAW), replace(PARKED, agent=AGENT), NOW)
    assert (over.agent, over.ended_at) == (None, NOW)


def test_what_is_over_comes_back_by_a_person_only():
    assert not any(MOVES[state] for state in MOVES_BY_HAND)
    with pytest.raises(AssertionError, match="no move"):
        moved_by_hand(BY_PERSON, State.RESERVED)


def test_a_pause_is_whose_it_was_first_and_saying_it_twice_does_no_harm():
    halt, first = on_app(asked(Kind.PAUSE), None)
    assert (halt, first.done) == (Halt(by="budi", since=after(599)), True)
    again, second = on_app(asked(Kind.PAUSE, by="ani"), halt)
    assert (again, second.done, "by budi" in second.says) == (halt, True, True)
    gone, third = on_app(asked(Kind.RESUME, by="ani"), halt)
    assert (gone, third.done) == (None, True)
    nothing, fourth = on_app(asked(Kind.RESUME), None)
    assert (nothing, fourth.done) == (None, True)


def ground(*sessions, halts=None):
    return Ground(sessions={(one.app, one.room): one for one in sessions}, halts=halts or {})


def test_requests_are_carried_out_in_their_order_and_each_sees_what_the_one_before_did():
    requests = [
        asked(Kind.WITHDRAW, number=1),
        asked(Kind.REQUEUE, number=2, by="ani"),
        asked(Kind.PAUSE, number=3),
        asked(Kind.RESUME, number=4),
        asked(Kind.PAUSE, number=5, app=AppId("other")),
    ]
    acts = on_requests(requests, ground(WAITS), NOW)
    assert [one.done for one in acts.answers] == [True] * 5
    assert [one.request for one in acts.answers] == requests
    (session,) = acts.changes.after
    assert (session.state, session.verify, session.waiting_since) == (State.WAITING, True, NOON)
    assert acts.facts[session.id]["by"] == "ani"
    assert acts.halts == {"other": Halt(by="budi", since=after(599))}


def test_a_refusal_changes_nothing():
    acts = on_requests([asked(Kind.WITHDRAW)], ground(DOUBT), NOW)
    assert (len(acts.changes), acts.halts, acts.facts) == (0, {}, {})
