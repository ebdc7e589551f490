"""Changes of a round, collected."""

from dataclasses import replace

from unit.allocator.making import after, reserved, waiting

from allocator.core.changes import Changes
from allocator.core.lifecycle import ended
from allocator.core.session import State, moved


def assigned_and_written_to_again():
    return replace(moved(reserved(), State.ASSIGNED, assigned_at=after(11)), again_at=after(12))


def test_a_session_that_changes_twice_keeps_its_first_before():
    first, second, third = waiting(), waiting(verify=True), reserved()
    changes = Changes()
    changes.note(first, second)
    changes.note(second, third)
    assert list(changes) == [(first, third)]


def test_a_session_that_changes_back_is_not_changed():
    changes = Changes()
    changes.note(waiting(), waiting(verify=True))
    changes.note(waiting(verify=True), waiting())
    assert len(changes) == 0


def test_a_customer_who_wrote_again_begins_where_the_session_ends():
    before = assigned_and_written_to_again()
    changes = Changes()
    follower = changes.note(before, ended(before, State.RESOLVED, after(20), "resolved"))
    assert (follower.state, follower.waiting_since, follower.verify) == (State.WAITING, after(12), True)
    assert follower in changes.after


def test_what_began_where_a_session_ended_does_not_begin_anew_when_the_end_is_noted_again():
    """A reading of the room that was under way comes back after the end: a second row for the room would be refused
    by the schema, in every round.
    """
    before = assigned_and_written_to_again()
    gone = ended(before, State.RESOLVED, after(20), "resolved")
    changes = Changes()
    assert changes.note(gone, gone) == gone
    assert len(changes) == 0
