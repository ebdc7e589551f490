"""What events do to the sessions of their rooms, in the order of the inbox."""

from dataclasses import replace
from datetime import timedelta

import pytest
from unit.allocator.making import APP, NOON, TIMING, after, came, over, reserved, waiting

from allocator.core import outcomes as o
from allocator.core.ids import RoomId
from allocator.core.intake import GHOST_WINDOW, Arrival, End, Known, take_in
from allocator.core.lifecycle import on_outcome
from allocator.core.readings import on_view
from allocator.core.session import OPEN, State

ROOM = (APP, RoomId("100"))


def arrivals(*events, found=False):
    """Events, a second apart, from noon on."""
    return [Arrival(event=one, at=after(second), found=found) for second, one in enumerate(events)]


def known(*events, session=None, end=None, found=False):
    return Known(
        fresh=arrivals(*events, found=found),
        sessions={} if session is None else {(session.app, session.room): session},
        ends={} if end is None else {ROOM: end},
    )


def taken(*events, now=None, **what_is_known):
    """The sessions as they are after ``events``."""
    return take_in(known(*events, **what_is_known), now or after(60), TIMING).after


def assigned(previous=None, *, since=-10):
    """Given an agent ``since`` seconds after noon, from when on events come."""
    return on_outcome(reserved(waiting(previous=previous), now=after(since)), o.Done(), after(since + 1), TIMING)


def ended(seconds=0.0, *, service=None, previous=None):
    """A resolve came, or the last session ended, so long before noon."""
    return End(at=NOON - timedelta(seconds=seconds), service=service, previous=previous)


def test_a_customer_who_writes_waits_from_the_moment_the_inbox_took_the_event():
    (session,) = taken(came(5, room="7", source="wa", channel="12"))
    assert (session.id, session.room, session.lane) == (f"{5:032x}", "7", "wa:12")
    assert (session.state, session.waiting_since, session.verify) == (State.WAITING, NOON, False)


def test_customers_wait_in_the_order_of_the_inbox():
    sessions = taken(*(came(n, room=str(n)) for n in (3, 1, 2)))
    assert [one.room for one in sorted(sessions, key=lambda one: one.waiting_since)] == ["3", "1", "2"]


def test_a_second_message_of_a_customer_who_waits_opens_nothing():
    assert [one.waiting_since for one in taken(came(1), came(2), came(3))] == [NOON]


def test_a_message_in_a_room_that_waits_in_the_ledger_changes_nothing():
    assert taken(came(2), session=waiting(1)) == []


def test_rooms_do_not_mix():
    sessions = taken(came(1, room="a"), came(2, room="b"), over(3, room="a"), came(4, room="b"))
    assert {one.room: one.verify for one in sessions} == {"a": True, "b": False}


def test_a_resolve_of_an_assigned_session_ends_it():
    (session,) = taken(over(2, service=5), session=assigned())
    assert (session.state, session.slot) == (State.RESOLVED, None)


def test_a_late_resolve_of_the_session_before_leaves_this_one_alone():
    assert taken(over(2, service=5), session=assigned(previous=5)) == []
    assert taken(over(2, service=5), session=waiting(previous=5)) == []


def test_a_resolve_without_a_number_is_taken_for_this_session():
    (session,) = taken(over(2), session=assigned(previous=5))
    assert session.state is State.RESOLVED


def test_a_resolve_of_a_room_that_waits_has_it_read_before_anybody_gets_it():
    (session,) = taken(came(1), over(2))
    assert (session.state, session.verify) == (State.WAITING, True)


def test_a_resolve_of_an_unknown_room_opens_nothing():
    assert taken(over(2)) == []


def test_a_wait_that_comes_after_its_resolve_is_read_first():
    (session,) = taken(over(1, service=5), came(2))
    assert (session.verify, session.due_at) == (True, after(60))


def test_a_wait_right_after_an_end_in_the_ledger_is_read_first():
    (session,) = taken(came(1), end=ended(1))
    assert session.verify


def test_a_wait_long_after_an_end_is_a_customer_like_any_other():
    (session,) = taken(came(1), end=ended(GHOST_WINDOW.total_seconds() + 1))
    assert not session.verify


def test_a_customer_who_came_back_names_the_session_that_ended_and_needs_no_look():
    (session,) = taken(came(1, previous=5), end=ended(1, service=5))
    assert not session.verify
    assert session.previous == 5


def test_a_late_webhook_names_an_older_session_than_the_one_that_ended():
    (session,) = taken(came(1, previous=4), end=ended(1, service=5))
    assert session.verify


def test_a_late_webhook_of_the_session_that_ended_names_what_that_one_named():
    (session,) = taken(came(1, previous=4), end=ended(1, previous=4))
    assert session.verify


def test_of_resolves_that_come_out_of_order_the_latest_session_counts():
    (session,) = taken(over(1, service=6), over(2, service=5), came(3, previous=5))
    assert session.verify, "it names the session before the one that ended: it comes late"


def test_a_resolve_of_an_unknown_room_forgets_nothing_that_the_ledger_knew():
    (session,) = taken(over(1), came(2, previous=4), end=ended(1, previous=4))
    assert session.verify


def test_a_webhook_that_names_a_later_session_tells_that_this_one_is_over():
    over_now, begun = sorted(
        taken(came(2, previous=5), session=assigned(previous=4)), key=lambda one: one.state in OPEN
    )
    assert (over_now.state, over_now.ending) == (State.RESOLVED, "the customer came back, written down late")
    assert (begun.state, begun.previous, begun.verify, begun.waiting_since) == (State.WAITING, 5, False, NOON)


def test_the_same_while_it_still_waits_withdraws_it():
    first, begun = sorted(taken(came(2, previous=5), session=waiting(1, previous=0)), key=lambda one: one.state in OPEN)
    assert (first.state, begun.state) == (State.WITHDRAWN, State.WAITING)


def test_the_same_while_a_request_is_under_way_frees_nothing_and_is_remembered():
    (session,) = taken(came(2, previous=5), session=reserved(waiting(previous=0)))
    assert (session.state, session.slot, session.resolve_seen, session.again_at) == (State.RESERVED, 1, True, NOON)


def test_a_rooms_first_session_is_known_to_be_the_first():
    (session,) = taken(came(1))
    assert session.previous == 0


def test_of_a_room_that_the_sweep_found_it_is_not_known_what_came_before():
    (session,) = taken(came(1), found=True)
    assert session.previous is None


def test_a_number_says_nothing_against_a_session_whose_own_is_not_known_but_is_learned_while_it_waits():
    (session,) = taken(came(2, previous=5), session=waiting(1))
    assert (session.state, session.previous, session.waiting_since) == (State.WAITING, 5, NOON)
    (served,) = taken(came(2, previous=5), session=assigned())
    assert (served.state, served.slot) == (State.ASSIGNED, 1)


def test_the_resolve_that_comes_after_the_customer_came_back_ends_only_the_old_session():
    sessions = taken(came(2, previous=5), over(3, service=5), session=assigned(previous=4))
    assert sorted(one.state for one in sessions) == [State.RESOLVED, State.WAITING]


def test_a_late_message_ends_nothing_where_a_reading_had_brought_the_customer_back_before_it():
    """Seen waiting, the room was given an agent again: it is in that session that the customer is now."""
    served_again = replace(assigned(previous=4), reopened=True)
    (session,) = taken(came(2, previous=5), session=served_again)
    assert (session.state, session.slot, session.previous) == (State.ASSIGNED, 1, 5)
    assert session.due_at == after(60)


def test_a_message_that_names_the_end_settles_the_question_and_is_the_place():
    sessions = taken(came(2), over(3, service=5), came(4, previous=5), session=assigned())
    old, begun = sorted(sessions, key=lambda one: one.state in OPEN)
    assert old.state is State.RESOLVED
    assert (begun.state, begun.waiting_since, begun.verify, begun.due_at) == (State.WAITING, after(2), False, None)


def test_a_message_that_names_no_end_leaves_the_question_open():
    sessions = taken(came(2), over(3, service=5), came(4), session=assigned())
    (begun,) = (one for one in sessions if one.state in OPEN)
    assert (begun.waiting_since, begun.verify) == (after(1), True)


def test_a_message_then_a_resolve_begins_another_session_where_the_first_ended():
    sessions = taken(came(2), over(3), session=assigned())
    old, begun = sorted(sessions, key=lambda one: one.state in OPEN)
    assert old.state is State.RESOLVED
    assert (begun.state, begun.waiting_since, begun.verify) == (State.WAITING, after(1), True)
    assert begun.id != old.id


def test_what_a_sweep_finds_waits_since_the_platform_saw_it():
    (session,) = taken(came(1), found=True)
    assert (session.state, session.waiting_since, session.verify) == (State.WAITING, NOON, False)


def test_what_a_sweep_finds_and_we_know_changes_nothing():
    for session in (waiting(1), reserved(), assigned()):
        assert taken(came(2, previous=9), session=session, found=True) == []


def test_what_a_sweep_finds_right_after_an_end_is_read_first():
    (session,) = taken(came(1), end=ended(1, service=5), found=True)
    assert session.verify


def test_a_message_to_a_session_in_doubt_does_not_open_a_second():
    doubtful = on_outcome(reserved(), o.Unknown("reset"), after(11), TIMING)
    assert taken(came(2), session=doubtful) == []


def test_a_resolve_seen_in_doubt_and_then_a_message_gives_the_customer_who_came_back_a_session():
    doubtful = on_outcome(reserved(), o.Unknown("reset"), after(11), TIMING)
    (told,) = taken(over(2), came(3), session=doubtful)
    assert told.again_at == after(1)
    assert on_view(told, o.Over(), after(60), TIMING).state is State.RESOLVED


def test_what_begins_where_a_session_ended_is_not_ended_by_the_webhook_that_began_it():
    """A message crossed the assignment, the resolve came, the customer was back at once and is served already; only
    then comes the webhook that tells of it, which names the session that was resolved.
    """
    told = replace(assigned(), again_at=after(20))
    follower = next(one for one in taken(over(2, service=73), session=told) if one.state is State.WAITING)
    assert follower.previous == 73
    served = on_outcome(reserved(follower, now=after(-5)), o.Done(), after(-4), TIMING)
    assert all(one.state is State.ASSIGNED for one in taken(came(3, previous=73), session=served))


def test_what_begins_after_an_end_comes_after_the_number_that_the_end_named():
    (session,) = taken(came(1), end=ended(service=4))
    assert (session.previous, session.verify) == (4, True)
    served = on_outcome(reserved(session, now=after(-5)), o.Done(), after(-4), TIMING)
    assert all(one.state is State.ASSIGNED for one in taken(came(3, previous=4), session=served))


def test_a_resolve_of_a_session_long_before_this_one_leaves_it_alone():
    assert taken(over(2, service=3), session=assigned(previous=5)) == []


def test_a_request_that_was_sent_after_a_resolve_may_have_landed_in_the_next_session():
    """A new leader announced again what a dead one had reserved. Meanwhile the room was resolved and the customer came
    back: what the inbox tells of that is older than the request, and the agent stays, until the room is read.
    """
    (session,) = taken(over(2, service=12), came(3, previous=12), session=assigned(previous=1, since=10))
    assert (session.state, session.slot, session.previous, session.due_at) == (State.ASSIGNED, 1, 12, after(60))
    assert on_view(session, o.Served(ours=True), after(61), TIMING).again_at is None


def test_the_same_where_only_the_webhook_of_the_next_session_came():
    (session,) = taken(came(3, previous=12), over(2, service=12), session=assigned(previous=1, since=10))
    assert (session.state, session.slot, session.previous, session.due_at) == (State.ASSIGNED, 1, 12, after(60))


def test_a_session_that_served_the_next_one_is_not_ended_by_a_repeated_webhook_of_it():
    """The resolve came while the request was under way; the request landed in the next session."""
    (told,) = taken(over(2, service=12), session=reserved(waiting(previous=1)))
    served = on_view(on_outcome(told, o.Done(), after(11), TIMING), o.Served(ours=True), after(12), TIMING)
    sessions = take_in(
        Known(fresh=[Arrival(event=came(3, previous=12), at=after(20), found=False)], sessions={ROOM: served}, ends={}),
        after(20),
        TIMING,
    ).after
    assert [one.state for one in sessions] == [State.ASSIGNED]


def test_a_wait_that_a_late_list_shows_begins_no_earlier_than_the_end_before_it():
    """Else who came back would have the place of the session that ended."""
    found = Arrival(event=came(2), at=after(-30), found=True)
    known_now = Known(fresh=[found], sessions={}, ends={(APP, RoomId("100")): End(at=after(5), service=4, previous=3)})
    (session,) = take_in(known_now, after(60), TIMING).after
    assert (session.waiting_since, session.verify) == (after(5), True)


@pytest.mark.parametrize(("ended_at", "taken_in"), [(4, True), (5, False), (30, False), (3600, True)])
def test_a_list_says_nothing_of_a_room_that_ended_since_it_was_true(ended_at, taken_in):
    """What it shows may be the wait that ended; whom the platform still lists next time waits."""
    found = Arrival(event=came(2), at=after(-30), found=True, as_of=after(5))
    ends = {(APP, RoomId("100")): End(at=after(ended_at), service=4, previous=3)}
    assert bool(take_in(Known(fresh=[found], sessions={}, ends=ends), after(60), TIMING).after) is taken_in
