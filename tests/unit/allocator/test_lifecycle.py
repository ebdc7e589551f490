"""What each thing that happens does to a session. The matrix, one requirement each."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from unit.allocator.making import AGENT, NOON, TIMING, after, reserved, waiting

from allocator.core import lifecycle, readings
from allocator.core import outcomes as o
from allocator.core.ids import AgentId
from allocator.core.lifecycle import (
    AVOID_MAX,
    needs_view,
    on_due,
    on_outcome,
    on_recovery,
    on_resolved,
    on_waiting,
    successor,
)
from allocator.core.readings import Sight, on_view
from allocator.core.session import MOVES, OPEN, State, moved

NOW = after(20)
NOT_SEEN = o.NotSeen(o.Unknown("no answer in time"))


def doubtful(session=None, *, at=NOW):
    """Sent at ``at``, outcome unknown."""
    return on_outcome(session or reserved(), o.Unknown("no answer in time"), at, TIMING)


def assigned(*, at=NOW):
    return on_outcome(reserved(), o.Done(), at, TIMING)


def later(seconds):
    return after(20 + seconds)


LANDED_BY = later(TIMING.quarantine_s + TIMING.lag_s)
"""When what was given up at NOW cannot land any more."""


def resent(session, *, at):
    """The room was read, it waits: the same agent is asked again."""
    return on_view(session, o.Waits(), at, TIMING)


class TestAnAssignCallForAFirstAndOnlyRequest:
    def test_done_is_assigned_with_its_slot(self):
        session = assigned()
        assert (session.state, session.agent, session.slot) == (State.ASSIGNED, AGENT, 1)
        assert (session.assigned_at, session.due_at, session.unknown_at) == (NOW, None, None)

    def test_done_after_a_resolve_came_is_looked_at_at_once(self):
        session = on_outcome(on_resolved(reserved(), NOW, TIMING), o.Done(), NOW, TIMING)
        assert (session.state, session.due_at, session.resolve_seen) == (State.ASSIGNED, NOW, False)

    def test_somebody_there_is_looked_at_at_once_and_holds_its_slot(self):
        session = on_outcome(reserved(), o.SomebodyThere(), NOW, TIMING)
        assert (session.state, session.due_at, session.agent, session.slot) == (State.DOUBT, NOW, AGENT, 1)

    def test_unknown_is_in_doubt_holds_its_slot_and_is_looked_at_soon(self):
        session = doubtful()
        assert (session.state, session.agent, session.slot) == (State.DOUBT, AGENT, 1)
        assert (session.unknown_at, session.due_at, session.tries) == (NOW, later(0.5), 1)

    def test_already_over_is_withdrawn_and_frees_the_slot(self):
        session = on_outcome(reserved(), o.AlreadyOver(), NOW, TIMING)
        assert (session.state, session.slot, session.ended_at) == (State.WITHDRAWN, None, NOW)

    def test_a_refused_room_is_parked_with_the_reason(self):
        session = on_outcome(reserved(), o.RoomRefused("HTTP 404"), NOW, TIMING)
        assert (session.state, session.ending, session.slot) == (State.PARKED, "HTTP 404", None)

    def test_a_refused_agent_is_avoided_and_the_session_is_in_turn_again_at_its_old_place(self):
        session = on_outcome(reserved(), o.AgentRefused("HTTP 400"), NOW, TIMING)
        assert (session.state, session.avoid, session.due_at) == (State.WAITING, (AGENT,), None)
        assert (session.waiting_since, session.agent, session.slot) == (NOON, None, None)

    def test_a_second_refusal_backs_off_without_losing_the_place(self):
        once = on_outcome(reserved(), o.AgentRefused("HTTP 400"), NOW, TIMING)
        twice = on_outcome(reserved(once), o.AgentRefused("HTTP 400"), NOW, TIMING)
        assert (twice.state, twice.due_at, twice.waiting_since) == (State.WAITING, later(1.0), NOON)
        assert not needs_view(twice)

    def test_refused_once_too_often_is_parked(self):
        session = replace(reserved(), refusals=TIMING.refusals_max - 1)
        parked = on_outcome(session, o.AgentRefused("HTTP 400"), NOW, TIMING)
        assert (parked.state, parked.ending) == (State.PARKED, "HTTP 400")

    def test_only_so_many_refused_agents_are_remembered_the_oldest_is_forgotten(self):
        session = replace(reserved(), avoid=tuple(map(AgentId, range(100, 100 + AVOID_MAX))))
        free = on_outcome(session, o.AgentRefused("HTTP 400"), NOW, TIMING)
        assert len(free.avoid) == AVOID_MAX
        assert free.avoid[0] == 101
        assert free.avoid[-1] == AGENT

    @pytest.mark.parametrize("outcome", [o.CredentialsRefused(), o.NotNow(3.0), o.NotSent()], ids=str)
    def test_what_concerns_the_whole_app_puts_it_back_at_its_place_at_no_cost(self, outcome):
        session = on_outcome(reserved(), outcome, NOW, TIMING)
        assert (session.state, session.waiting_since, session.due_at) == (State.WAITING, NOON, None)
        assert (session.agent, session.slot, session.refusals, session.avoid) == (None, None, 0, ())

    @pytest.mark.parametrize("outcome", [o.NotNow(1.0), o.AgentRefused("HTTP 400")], ids=str)
    def test_put_back_after_a_resolve_came_its_room_is_read_first(self, outcome):
        session = on_outcome(on_resolved(reserved(), NOW, TIMING), outcome, NOW, TIMING)
        assert (session.state, session.verify, session.due_at) == (State.WAITING, True, NOW)


class TestAnAssignCallWhileAnEarlierRequestMayStillLand:
    def again(self):
        return resent(doubtful(), at=later(1))

    def test_the_room_waits_so_the_same_agent_is_asked_again(self):
        session = self.again()
        assert (session.state, session.agent, session.slot) == (State.RESERVED, AGENT, 1)
        assert session.unknown_at == NOW

    def test_done_is_assigned_and_the_earlier_one_is_not_forgotten(self):
        session = on_outcome(self.again(), o.Done(), later(2), TIMING)
        assert (session.state, session.unknown_at) == (State.ASSIGNED, NOW)

    def test_a_room_that_shows_our_agent_tells_of_one_request_and_the_other_may_still_land(self):
        twice = on_outcome(self.again(), o.Unknown("reset"), later(2), TIMING)
        session = on_view(twice, o.Served(ours=True), later(4), TIMING)
        assert (session.state, session.unknown_at) == (State.ASSIGNED, later(2))
        over = on_resolved(session, later(5), TIMING)
        assert (over.state, over.agent, over.slot) == (State.DOUBT, AGENT, 1)

    def test_unknown_again_starts_the_quarantine_anew(self):
        session = on_outcome(self.again(), o.Unknown("reset"), later(2), TIMING)
        assert (session.state, session.unknown_at) == (State.DOUBT, later(2))

    def test_looks_space_out(self):
        session, at, pauses = doubtful(), 1.0, []
        for _ in range(8):
            session = on_outcome(resent(session, at=later(at)), o.Unknown("reset"), later(at), TIMING)
            pauses.append((session.due_at - later(at)).total_seconds())
            at += 1
        assert pauses == [1, 2, 4, 4, 4, 4, 4, 4]

    def test_already_over_holds_the_slot_because_the_room_may_be_opened_again(self):
        session = on_outcome(self.again(), o.AlreadyOver(), later(2), TIMING)
        assert (session.state, session.slot, session.due_at) == (State.DOUBT, 1, later(2))

    @pytest.mark.parametrize("outcome", [o.AgentRefused("HTTP 400"), o.RoomRefused("HTTP 404")], ids=str)
    def test_a_refusal_holds_room_agent_and_slot_until_the_quarantine_is_over(self, outcome):
        session = on_outcome(self.again(), outcome, later(2), TIMING)
        assert (session.state, session.agent, session.slot) == (State.DOUBT, AGENT, 1)
        assert (session.unknown_at, session.due_at) == (NOW, LANDED_BY)

    @pytest.mark.parametrize("outcome", [o.NotNow(1.0), o.CredentialsRefused(), o.NotSent()], ids=str)
    def test_a_pause_of_the_app_holds_them_too_and_looks_again(self, outcome):
        session = on_outcome(self.again(), outcome, later(2), TIMING)
        assert (session.state, session.agent, session.slot) == (State.DOUBT, AGENT, 1)
        assert session.unknown_at == NOW
        assert session.due_at > later(2)

    def test_somebody_there_is_looked_at_at_once(self):
        session = on_outcome(self.again(), o.SomebodyThere(), later(2), TIMING)
        assert (session.state, session.due_at, session.unknown_at) == (State.DOUBT, later(2), NOW)


class TestReadingTheRoomOfASessionInDoubt:
    def test_served_by_ours_is_assigned(self):
        session = on_view(doubtful(), o.Served(ours=True), later(1), TIMING)
        assert (session.state, session.agent, session.slot) == (State.ASSIGNED, AGENT, 1)
        assert session.checked_at == later(1)

    def test_served_by_another_is_adopted_and_frees_our_slot(self):
        session = on_view(doubtful(), o.Served(ours=False), later(1), TIMING)
        assert (session.state, session.agent, session.slot) == (State.ASSIGNED, None, None)

    def test_resolved_it_holds_the_slot_until_the_quarantine_is_over(self):
        session = on_view(doubtful(), o.Over(), later(1), TIMING)
        assert (session.state, session.slot, session.due_at) == (State.DOUBT, 1, LANDED_BY)

    def test_resolved_after_the_quarantine_is_over(self):
        session = on_view(doubtful(), o.Over(), LANDED_BY, TIMING)
        assert (session.state, session.slot) == (State.RESOLVED, None)

    def test_what_was_seen_counts_from_when_it_was_asked(self):
        asked_before = Sight(asked_at=LANDED_BY - timedelta(seconds=1))
        session = on_view(doubtful(), o.Waits(), later(500), TIMING, asked_before)
        assert (session.state, session.agent, session.slot) == (State.RESERVED, AGENT, 1)

    def test_waiting_after_the_quarantine_it_goes_back_to_the_backlog_after_a_pause(self):
        session = on_view(doubtful(), o.Waits(), LANDED_BY, TIMING)
        assert (session.state, session.agent, session.slot) == (State.WAITING, None, None)
        assert (session.waiting_since, session.unknown_at) == (NOON, None)
        assert session.due_at > LANDED_BY

    def test_waiting_a_moment_before_the_quarantine_is_over_it_is_still_the_same_agents(self):
        session = on_view(doubtful(), o.Waits(), LANDED_BY - timedelta(seconds=0.1), TIMING)
        assert (session.state, session.agent, session.slot) == (State.RESERVED, AGENT, 1)

    def test_waiting_with_no_request_that_may_land_it_goes_back_at_once(self):
        asked = on_outcome(reserved(), o.SomebodyThere(), NOW, TIMING)
        session = on_view(asked, o.Waits(), NOW, TIMING)
        assert (session.state, session.agent) == (State.WAITING, None)

    def test_no_such_room_holds_the_slot_until_the_quarantine_is_over(self):
        session = on_view(doubtful(), o.Missing(), later(1), TIMING)
        assert (session.state, session.slot, session.due_at) == (State.DOUBT, 1, LANDED_BY)

    def test_no_such_room_after_the_quarantine_is_parked(self):
        assert on_view(doubtful(), o.Missing(), LANDED_BY, TIMING).state is State.PARKED

    def test_a_room_that_cannot_be_read_is_read_again_later_and_later(self):
        session, pauses = doubtful(), []
        for _ in range(4):
            session = on_view(session, NOT_SEEN, later(5), TIMING)
            pauses.append((session.due_at - later(5)).total_seconds())
        assert (session.state, session.slot) == (State.DOUBT, 1)
        assert pauses == [1, 2, 4, 4]

    def test_a_resolve_seen_while_under_way_is_looked_at_once_it_is_settled(self):
        session = on_view(on_resolved(doubtful(), NOW, TIMING), o.Served(ours=True), later(1), TIMING)
        assert (session.state, session.due_at) == (State.ASSIGNED, later(1))


class TestACustomerWhoComesBackWhileARequestMayStillLand:
    """The agent and the slot are theirs until it cannot land any more."""

    def assigned(self):
        return on_outcome(resent(doubtful(), at=later(1)), o.Done(), later(2), TIMING)

    def back(self):
        return replace(on_resolved(self.assigned(), later(10), TIMING), again_at=later(11))

    def test_a_resolve_ends_nothing_yet(self):
        session = on_resolved(self.assigned(), later(10), TIMING, number=5)
        assert (session.state, session.agent, session.slot) == (State.DOUBT, AGENT, 1)
        assert (session.due_at, session.previous) == (later(10), 5)

    def test_a_resolve_after_the_quarantine_ends_it(self):
        assert on_resolved(self.assigned(), LANDED_BY, TIMING).state is State.RESOLVED

    def test_the_same_agent_is_asked_again_for_them_at_their_place(self):
        session = on_view(self.back(), o.Waits(), later(12), TIMING)
        assert (session.state, session.agent, session.waiting_since) == (State.RESERVED, AGENT, later(11))
        assert (session.again_at, session.resolve_seen, session.unknown_at) == (None, False, NOW)

    def test_but_not_before_those_who_came_before_them(self):
        session = on_view(self.back(), o.Waits(), later(12), TIMING, Sight(asked_at=later(12), others_first=True))
        assert (session.state, session.slot, session.due_at) == (State.DOUBT, 1, later(12.5))

    def test_that_the_request_landed_with_them_is_seen(self):
        session = on_view(self.back(), o.Served(ours=True), later(12), TIMING)
        assert (session.state, session.waiting_since, session.again_at) == (State.ASSIGNED, later(11), None)

    def test_after_the_quarantine_a_session_of_their_own_begins(self):
        session = on_view(self.back(), o.Waits(), LANDED_BY, TIMING)
        follower = successor(session)
        assert (session.state, session.slot) == (State.RESOLVED, None)
        assert follower is not None
        assert follower.waiting_since >= later(11)


class TestReadingTheRoomOfASessionInQuestion:
    asked = waiting(verify=True)

    def test_waiting_it_is_in_turn_at_its_place(self):
        session = on_view(self.asked, o.Waits(), NOW, TIMING)
        assert (session.state, session.verify, session.due_at) == (State.WAITING, False, None)
        assert session.waiting_since == NOON

    def test_served_it_is_adopted(self):
        session = on_view(self.asked, o.Served(ours=False), NOW, TIMING)
        assert (session.state, session.agent, session.slot, session.verify) == (State.ASSIGNED, None, None, False)

    def test_resolved_it_is_withdrawn(self):
        assert on_view(self.asked, o.Over(), NOW, TIMING).state is State.WITHDRAWN

    def test_no_such_room_it_is_parked(self):
        session = on_view(self.asked, o.Missing(), NOW, TIMING)
        assert (session.state, session.ending) == (State.PARKED, "no such room")

    @pytest.mark.parametrize("view", [o.Served(ours=False), o.Over(), o.Missing()], ids=str)
    def test_a_fresh_wait_may_be_read_too_early_and_is_read_again(self, view):
        session = on_view(self.asked, view, after(1), TIMING)
        assert (session.state, session.verify, session.due_at) == (State.WAITING, True, after(TIMING.lag_s))

    def test_a_room_that_cannot_be_read_stays_in_question(self):
        session = on_view(self.asked, NOT_SEEN, NOW, TIMING)
        assert (session.state, session.verify, session.due_at) == (State.WAITING, True, later(0.5))

    def test_somebody_who_waits_is_looked_at_again_soon_however_often_it_failed(self):
        session = self.asked
        for _ in range(10):
            session = on_view(session, NOT_SEEN, NOW, TIMING)
        assert session.due_at == later(2)


class TestReadingTheRoomOfAnAssignedSession:
    def test_served_by_ours_all_is_well(self):
        session = on_view(assigned(), o.Served(ours=True), later(60), TIMING)
        assert (session.state, session.agent, session.slot) == (State.ASSIGNED, AGENT, 1)
        assert (session.checked_at, session.due_at) == (later(60), None)

    def test_taken_over_the_slot_is_free_and_it_stays_served(self):
        session = on_view(assigned(), o.Served(ours=False), later(60), TIMING)
        assert (session.state, session.agent, session.slot) == (State.ASSIGNED, None, None)

    def test_waiting_again_it_is_back_at_its_old_place_and_its_slot_is_free(self):
        session = on_view(assigned(), o.Waits(), later(60), TIMING)
        assert (session.state, session.waiting_since, session.slot) == (State.WAITING, NOON, None)
        assert session.reopened

    def test_found_resolved_it_is_over(self):
        session = on_view(assigned(), o.Over(), later(60), TIMING)
        assert (session.state, session.slot) == (State.RESOLVED, None)

    def test_a_room_that_is_gone_is_over(self):
        assert on_view(assigned(), o.Missing(), later(60), TIMING).state is State.RESOLVED

    @pytest.mark.parametrize("view", [o.Waits(), o.Served(ours=False)], ids=str)
    def test_a_fresh_assignment_may_not_show_yet_and_is_read_again(self, view):
        session = on_view(assigned(), view, later(1), TIMING)
        assert (session.state, session.slot, session.due_at) == (State.ASSIGNED, 1, later(TIMING.lag_s))


class TestWebhooks:
    def test_a_message_while_waiting_changes_nothing(self):
        assert on_waiting(waiting(), NOW, NOW, TIMING) == waiting()

    def test_a_message_while_under_way_changes_nothing(self):
        assert on_waiting(reserved(), NOW, NOW, TIMING) == reserved()
        assert on_waiting(doubtful(), NOW, NOW, TIMING) == doubtful()

    def test_a_message_while_assigned_is_a_signal_the_room_is_read_but_not_before_it_can_show(self):
        session = on_waiting(assigned(), later(1), later(1), TIMING)
        assert (session.state, session.again_at, session.due_at) == (State.ASSIGNED, later(1), later(3))

    def test_of_several_messages_while_assigned_the_first_counts(self):
        session = on_waiting(assigned(), later(10), later(10), TIMING)
        again = on_waiting(session, later(11), later(11), TIMING)
        assert (again.again_at, again.due_at) == (later(10), later(10))

    def test_a_message_after_a_resolve_that_came_while_under_way_is_kept(self):
        session = on_waiting(on_resolved(doubtful(), NOW, TIMING), later(1), later(1), TIMING)
        assert session.again_at == later(1)

    def test_a_resolve_ends_what_is_assigned_and_frees_the_slot(self):
        session = on_resolved(assigned(), later(60), TIMING)
        assert (session.state, session.slot, session.agent) == (State.RESOLVED, None, AGENT)

    @pytest.mark.parametrize(("late", "counts"), [(0, True), (TIMING.lag_s, True), (TIMING.lag_s + 0.1, False)])
    def test_an_end_that_is_written_down_late_shows_in_the_counts_of_the_platform_already(self, late, counts):
        session = on_resolved(assigned(), later(60 + late), TIMING, at=later(60))
        assert (session.state, session.ending in lifecycle.TOLD) == (State.RESOLVED, counts)

    def test_a_resolve_of_what_waits_has_its_room_read_before_anybody_gets_it(self):
        session = on_resolved(waiting(), NOW, TIMING)
        assert (session.state, session.verify, session.due_at) == (State.WAITING, True, NOW)

    @pytest.mark.parametrize("session", [reserved(), doubtful()], ids=["reserved", "doubt"])
    def test_a_resolve_of_what_is_under_way_frees_nothing_yet(self, session):
        told = on_resolved(session, NOW, TIMING)
        assert (told.state, told.slot, told.resolve_seen) == (session.state, 1, True)

    def test_a_resolve_of_what_was_assigned_twice_may_be_of_its_earlier_life_so_the_room_tells(self):
        reopened = on_view(assigned(), o.Waits(), later(60), TIMING)
        again = on_outcome(reserved(reopened), o.Done(), later(70), TIMING)
        session = on_resolved(again, later(71), TIMING)
        assert (session.state, session.slot, session.due_at) == (State.ASSIGNED, 1, later(71))


class TestANewLeader:
    def test_what_was_reserved_stays_the_same_agents_and_may_have_been_sent(self):
        found = on_recovery(reserved(), later(5), over=False)
        assert (found.state, found.agent, found.slot) == (State.RESERVED, AGENT, 1)
        assert (found.unknown_at, found.due_at) == (later(5), None)

    def test_what_was_in_doubt_is_read_at_once_and_its_quarantine_starts_anew(self):
        found = on_recovery(doubtful(), later(5), over=False)
        assert (found.state, found.agent, found.slot) == (State.DOUBT, AGENT, 1)
        assert (found.unknown_at, found.due_at) == (later(5), later(5))

    @pytest.mark.parametrize("outcome", [o.NotSent(), o.AgentRefused("HTTP 400"), o.NotNow(1.0)], ids=str)
    def test_announced_again_in_vain_it_is_still_nobody_elses_while_the_old_request_may_land(self, outcome):
        session = on_outcome(on_recovery(reserved(), later(5), over=False), outcome, later(6), TIMING)
        assert (session.state, session.agent, session.slot) == (State.DOUBT, AGENT, 1)


class TestWhatIsDue:
    def test_a_back_off_ends_and_the_session_is_in_turn(self):
        session = replace(waiting(), due_at=NOW)
        assert not needs_view(session)
        assert on_due(session) == waiting()

    @pytest.mark.parametrize("session", [doubtful(), assigned(), waiting(verify=True)], ids=lambda one: one.state)
    def test_of_all_others_the_room_is_read(self, session):
        assert needs_view(session)


class TestTheSessionThatBeginsWhereOneEnded:
    ended = on_resolved(on_waiting(assigned(), later(10), later(10), TIMING), later(11), TIMING)

    def test_it_waits_since_the_end_and_its_room_is_read_first(self):
        begun = successor(self.ended)
        assert (begun.state, begun.waiting_since, begun.verify) == (State.WAITING, later(11), True)
        assert (begun.room, begun.lane) == (self.ended.room, self.ended.lane)

    def test_it_has_the_same_id_whoever_computes_it(self):
        assert successor(self.ended) == successor(self.ended)
        assert successor(self.ended).id != self.ended.id

    def test_there_is_none_without_a_message_or_before_the_end(self):
        assert successor(on_resolved(assigned(), later(11), TIMING)) is None
        assert successor(on_waiting(assigned(), later(10), later(10), TIMING)) is None


class TestTheTable:
    def test_it_is_the_diagram_that_the_module_shows(self):
        """Waiting, reserved, assigned, resolved; doubt aside; and the ways out."""
        assert {state for state, to in MOVES.items() if not to} == {State.RESOLVED, State.WITHDRAWN, State.PARKED}
        assert {state for state, to in MOVES.items() if to} == OPEN
        assert State.RESERVED in MOVES[State.WAITING]
        assert {State.DOUBT, State.ASSIGNED, State.WAITING} <= MOVES[State.RESERVED]
        assert {State.RESERVED, State.ASSIGNED, State.WAITING} <= MOVES[State.DOUBT]
        assert MOVES[State.ASSIGNED] == {State.WAITING, State.DOUBT, State.RESOLVED}
        assert State.DOUBT not in MOVES[State.WAITING]
        assert [state for state, to in MOVES.items() if State.WITHDRAWN in to] == [State.WAITING, State.RESERVED]

    def test_a_move_that_is_not_in_it_is_a_bug(self):
        with pytest.raises(AssertionError, match="is no move"):
            moved(on_resolved(assigned(), NOW, TIMING), State.WAITING)

    def test_nothing_of_the_lifecycle_changes_a_state_but_by_the_table(self):
        text = Path(lifecycle.__file__).read_text() + Path(readings.__file__).read_text()
        assert "state=State" not in text


class TestWhoCameBackAndIsGoneAgain:
    back = replace(on_resolved(doubtful(), NOW, TIMING, number=5), again_at=later(3))

    def test_the_end_of_that_session_too_is_told_by_its_number(self):
        assert on_resolved(self.back, later(4), TIMING, number=6).again_at is None

    @pytest.mark.parametrize("number", [None, 4, 5])
    def test_a_resolve_that_may_be_an_older_one_forgets_nobody(self, number):
        assert on_resolved(self.back, later(4), TIMING, number=number).again_at == later(3)
