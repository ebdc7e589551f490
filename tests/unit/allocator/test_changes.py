"""The rows that a round changes."""

from dataclasses import replace

from unit.allocator.making import TIMING, after, reserved, waiting

from allocator.core import outcomes as o
from allocator.core.changes import Changes
from allocator.core.lifecycle import on_outcome, on_resolved, on_waiting
from allocator.core.session import State


def assigned():
    return on_outcome(reserved(), o.Done(), after(11), TIMING)


def test_a_session_that_changes_twice_keeps_its_first_before():
    changes = Changes()
    changes.note(waiting(), reserved())
    changes.note(reserved(), assigned())
    assert list(changes) == [(waiting(), assigned())]


def test_a_session_that_changes_back_is_no_change():
    changes = Changes()
    changes.note(waiting(), reserved())
    changes.note(reserved(), waiting())
    assert len(changes) == 0


def test_a_new_row_has_no_before():
    changes = Changes()
    assert changes.note(None, waiting()) == waiting()
    assert list(changes) == [(None, waiting())]


def test_where_a_session_ends_after_a_message_the_next_begins_and_is_the_rooms_from_now_on():
    changes = Changes()
    told = on_waiting(assigned(), after(30), after(30), TIMING)
    follower = changes.note(told, on_resolved(told, after(31), TIMING))
    assert (follower.state, follower.waiting_since) == (State.WAITING, after(31))
    assert [one.state for one in changes.after] == [State.RESOLVED, State.WAITING]


def test_a_session_that_had_ended_before_begins_no_other_when_it_is_noted_again():
    told = on_waiting(assigned(), after(30), after(30), TIMING)
    done = on_resolved(told, after(31), TIMING)
    changes = Changes()
    changes.note(done, replace(done, checked_at=after(32)))
    assert len(changes) == 1
