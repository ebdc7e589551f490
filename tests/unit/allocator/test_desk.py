"""What a leader keeps in mind about one app between rounds."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs
from unit.allocator.making import APP, NOON, TIMING, after, load, roster, seen, waiting

from allocator.core import outcomes as o
from allocator.core.breaker import FAILURES_MAX
from allocator.core.ids import AgentId, Lane
from allocator.core.plan import plan
from allocator.core.policy import compile_spec
from allocator.core.reasons import WaitReason
from allocator.core.roster import Roster
from allocator.rounds.desk import ASK_AGAIN_MAX_S, ASK_AGAIN_S, IN_USE_S, Desk, Moment
from allocator.rounds.tuning import Tuning

TUNING = Tuning(timing=TIMING, sweep_s=60.0, events_retained_s=1.0, sessions_retained_s=1.0, calls_max=8)
WA = Lane("wa")
UNKNOWN = o.Unknown("no answer in time")


@pytest.fixture
def desk():
    return Desk(APP, TUNING)


def heads(*numbers, lane=WA):
    return {lane: [waiting(number, room=str(number), lane=lane) for number in numbers]} if numbers else {}


def round_of(desk, sessions, now, *, spec=None, wanted=None, wall=NOON, loads=None):
    """What a round does with a desk; returns the plan and whom to ask for."""
    policy, loads = compile_spec(spec or {}, 1), loads or {}
    desk.compare(loads, now)
    wanted = desk.heads_wanted(policy, loads, 8, now) if wanted is None else wanted
    made = plan(
        desk.snapshot(
            policy,
            loads=loads,
            heads=sessions,
            last_agents={},
            budget=desk.budget(0, now),
            moment=Moment(now=now, wall=wall, gate=None),
        )
    )
    desk.wanted = wanted
    desk.planned(policy, sessions, made, now)
    return made, desk.to_ask(sessions, now)


def test_the_first_who_waits_in_a_lane_is_asked_for(desk):
    _, ask = round_of(desk, heads(1, 2), 0.0)
    assert [one.room for one in ask] == ["1"]
    assert desk.reasons == {WA: WaitReason.ASKING}


def test_a_roster_is_trusted_for_two_seconds_and_read_anew_after_one(desk):
    round_of(desk, heads(1), 0.0)
    desk.asked(WA, roster(1, read_at=0.0), 0.1)
    assert round_of(desk, heads(1), 0.9)[1] == []
    made, ask = round_of(desk, heads(1), 1.5)
    assert (len(made.reservations), len(ask)) == (1, 1)
    made, ask = round_of(desk, heads(1), 2.1)
    assert (len(made.reservations), len(ask)) == (0, 1)


def test_a_lane_that_was_in_use_a_moment_ago_is_kept_fresh(desk):
    round_of(desk, heads(1), 0.0)
    desk.asked(WA, roster(1, read_at=0.0), 0.1)
    round_of(desk, heads(1), 0.2)
    assert len(desk.to_keep_fresh(IN_USE_S)) == 1
    assert desk.to_keep_fresh(IN_USE_S + 0.3) == []


def test_where_the_platform_chooses_nobody_is_asked_for_who_does_not_wait(desk):
    round_of(desk, heads(1), 0.0, spec={"strategy": ["platform"]})
    assert desk.to_keep_fresh(0.0) == []
    assert desk.to_keep_fresh(1.0) == []


def test_a_suggestion_is_used_up_by_one_assignment(desk):
    spec = {"strategy": ["platform"]}
    round_of(desk, heads(1, 2), 0.0, spec=spec)
    desk.asked(WA, roster(1, uses=1), 0.1)
    made, ask = round_of(desk, heads(1, 2), 0.2, spec=spec)
    assert len(made.reservations) == 1
    assert len(ask) == 1


def test_a_roster_that_does_not_come_is_asked_for_again_later_and_later(desk):
    round_of(desk, heads(1), 0.0)
    now, pauses = 0.0, []
    for _ in range(7):
        desk.asked(WA, UNKNOWN, now)
        pause = next(step / 10 for step in range(1000) if desk.to_ask(heads(1), now + step / 10))
        pauses.append(pause)
        now += pause
    assert pauses == [ASK_AGAIN_S, 1.0, 2.0, 4.0, 8.0, ASK_AGAIN_MAX_S, ASK_AGAIN_MAX_S]


def test_a_room_that_the_platform_does_not_know_does_not_keep_the_next_from_being_asked_for(desk):
    round_of(desk, heads(1), 0.0)
    desk.asked(WA, o.RoomRefused("HTTP 404"), 0.1)
    assert len(desk.to_ask(heads(2), 0.1)) == 1


def test_while_calls_pause_nobody_is_asked_for(desk):
    round_of(desk, heads(1), 0.0)
    desk.answered(o.NotNow(5.0), 0.0)
    assert desk.to_ask(heads(1), 4.9) == []
    assert len(desk.to_ask(heads(1), 5.0)) == 1


def test_while_calls_pause_people_wait_for_the_platform(desk):
    desk.asked(WA, roster(1), 0.0)
    desk.answered(o.CredentialsRefused(), 0.0)
    made, _ = round_of(desk, heads(1), 0.5)
    assert list(made.reasons.values()) == [WaitReason.CREDENTIALS_REFUSED]


def test_after_a_pause_one_call_tries_then_all_may(desk):
    desk.answered(o.NotNow(1.0), 0.0)
    assert desk.budget(0, 1.0) == 1
    assert desk.budget(1, 1.0) == 0
    desk.answered(o.Done(), 1.1)
    assert desk.budget(3, 1.1) == 5


def test_after_an_outage_everything_is_looked_at(desk):
    desk.sweep_at = 1000.0
    desk.answered(o.NotNow(1.0), 0.0)
    desk.answered(o.Done(), 2.0)
    assert desk.sweep_at == 2.0


def test_refused_credentials_are_told_once_with_what_to_do_and_so_is_their_end(desk):
    with capture_logs() as lines:
        for now in (0.0, 0.1, 16.0):
            desk.answered(o.CredentialsRefused(), now)
        desk.answered(o.Done(), 32.0)
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("credentials_refused", "error"),
        ("platform_answers", "info"),
    ]
    assert "QISCUS_SECRET_KEY" in lines[0]["remedy"]


def test_a_platform_that_cannot_be_reached_is_told_once_and_not_at_its_first_failure(desk):
    with capture_logs() as lines:
        for failure in range(3 * FAILURES_MAX):
            desk.answered(UNKNOWN, float(failure))
    assert [line["event"] for line in lines] == ["platform_unavailable"]


def test_a_paused_policy_asks_for_nobody(desk):
    assert round_of(desk, heads(1), 0.0, spec={"paused": True})[1] == []


def test_outside_of_the_hours_nobody_is_asked_for_until_they_begin(desk):
    """Nobody is called all night; the first look after the opening asks."""
    spec = {"hours": {"timezone": "UTC", "open": [{"days": ["Sun"], "from": "12:01", "to": "13:00"}]}}
    made, ask = round_of(desk, heads(1), 0.0, spec=spec)
    assert (list(made.reasons.values()), ask) == ([WaitReason.OUTSIDE_HOURS], [])
    assert desk.to_keep_fresh(1.0) == []
    assert desk.waits
    made, ask = round_of(desk, heads(1), 60.0, spec=spec, wall=after(60))
    assert (list(made.reasons.values()), len(ask)) == ([WaitReason.ASKING], 1)


def test_no_more_heads_are_wanted_than_there_are_free_slots_and_one_to_ask_for(desk):
    policy = compile_spec({}, 1)
    assert desk.heads_wanted(policy, {}, 8, 0.0) == 1
    desk.asked(WA, roster(1, 2, 3, offline=[3]), 0.0)
    assert desk.heads_wanted(policy, {}, 8, 0.0) == 5
    assert desk.heads_wanted(policy, {}, 2, 0.0) == 3
    loads = {AgentId(1): load(1, 2, 3)}
    assert desk.heads_wanted(policy, loads, 8, 0.0) == 3
    assert desk.heads_wanted(policy, loads, 8, 15.1) == 1


def test_where_all_that_were_wanted_were_served_there_may_be_more(desk):
    desk.asked(WA, roster(1, 2), 0.0)
    round_of(desk, heads(1, 2), 0.1, wanted=2)
    assert desk.more
    assert desk.waits
    round_of(desk, heads(1), 0.1, wanted=2)
    assert not desk.more
    assert not desk.waits


def test_who_is_left_waiting_is_remembered_with_the_reason(desk):
    desk.asked(WA, roster(1, offline=[1]), 0.0)
    round_of(desk, heads(1), 0.1)
    assert desk.waits
    assert desk.reasons == {WA: WaitReason.NO_AGENT_ONLINE}


def test_slots_are_those_of_agents_who_are_online(desk):
    assert desk.slots() == 0
    desk.asked(WA, roster(1, 2, offline=[2]), 0.0)
    desk.asked(Lane("line"), roster(1, 3), 0.0)
    round_of(desk, heads(1), 0.1)
    assert desk.slots() == 4


def test_how_evenly_sessions_went_to_agents_is_known_as_far_as_it_was_seen(desk):
    assert desk.fairness() == (None, None)
    for second in range(4):
        desk.asked(WA, roster(1, 2, read_at=float(second)), float(second))
        round_of(desk, heads(2 * second + 1, 2 * second + 2), float(second))
    assert desk.fairness() == (1.0, 1.0)


def test_a_session_that_waits_again_was_in_its_turn_once(desk):
    desk.asked(WA, roster(1), 0.0)
    for number, session in enumerate([waiting(2, since=after(2)), replace(waiting(1), reserved_at=NOON)]):
        round_of(desk, {WA: [session]}, float(number))
    round_of(desk, {}, 5.0)
    assert desk.fairness()[1] == 1.0


def test_a_customer_given_by_hand_uses_a_slot_once_the_loads_were_compared(desk):
    desk.asked(WA, Roster(agents=(seen(1, count=1),), read_at=0.0, uses=None), 0.0)
    desk.compare({}, 0.0)
    made, _ = round_of(desk, heads(1, 2), 0.1)
    assert len(made.reservations) == 1


def given_by_hand_while_a_slot_is_held(desk):
    """The platform counts one customer, and we hold a slot: they seem to be the same."""
    desk.asked(WA, Roster(agents=(seen(1, count=1),), read_at=0.0, uses=None), 0.0)
    desk.compare({AgentId(1): load(1)}, 0.0)


def test_a_slot_that_was_held_for_somebody_served_no_more_hid_a_customer_given_by_hand(desk):
    given_by_hand_while_a_slot_is_held(desk)
    desk.compare({AgentId(1): load()}, 0.1)
    assert len(round_of(desk, heads(1, 2), 0.1)[0].reservations) == 1


def test_whom_such_a_slot_hid_is_proven_also_when_a_late_count_does_not_show_them(desk):
    given_by_hand_while_a_slot_is_held(desk)
    desk.compare({AgentId(1): load()}, 0.1)
    desk.asked(WA, roster(1, read_at=1.0), 1.0)
    assert len(round_of(desk, heads(1, 2), 1.1)[0].reservations) == 1


def test_what_was_read_while_such_a_slot_was_held_excludes_nothing(desk):
    """The count of one is of who ended, or of somebody else's customer; not of who had the other slot."""
    desk.asked(WA, Roster(agents=(seen(1, count=1),), read_at=0.0, uses=None), 0.0)
    for now, ours in [(0.0, load(1, 2)), (0.1, load(1, closed=1)), (TIMING.lag_s + 0.2, load())]:
        desk.compare({AgentId(1): ours}, now)
    assert len(round_of(desk, heads(1, 2), TIMING.lag_s + 0.3)[0].reservations) == 1


def test_a_slot_that_came_free_just_now_hid_nobody(desk):
    given_by_hand_while_a_slot_is_held(desk)
    desk.compare({AgentId(1): load(closed=1)}, 0.1)
    assert len(round_of(desk, heads(1, 2), 0.1)[0].reservations) == 2


def test_an_end_that_does_not_show_any_more_frees_no_slot(desk):
    """Else its customer, whom a late count still has, would be somebody else's."""
    given_by_hand_while_a_slot_is_held(desk)
    desk.compare({AgentId(1): load(closed=1)}, 0.1)
    desk.compare({AgentId(1): load()}, 0.2)
    assert len(round_of(desk, heads(1, 2), 0.2)[0].reservations) == 2


def test_once_what_was_read_before_an_end_is_too_old_a_late_count_may_be_of_a_customer_given_by_hand(desk):
    given_by_hand_while_a_slot_is_held(desk)
    desk.asked(WA, Roster(agents=(seen(1, count=1),), read_at=1.0, uses=None), 1.0)
    ended = {AgentId(1): load(closed=1)}
    desk.compare(ended, 1.1)
    assert desk.heads_wanted(compile_spec({}, 1), ended, 8, 2.0) == 3
    desk.compare(ended, 2.1)
    assert desk.heads_wanted(compile_spec({}, 1), ended, 8, 2.1) == 2


def test_a_leader_that_begins_cannot_tell_who_is_counted_whose_end_another_was_told_of(desk):
    desk.asked(WA, Roster(agents=(seen(1, count=2),), read_at=0.0, uses=None), 0.0)
    assert len(round_of(desk, heads(1, 2), 0.1, loads={AgentId(1): load(closed=2)})[0].reservations) == 0


def test_a_slot_that_is_given_again_in_the_round_in_which_it_came_free_tells_nothing_of_others(desk):
    """Else each count that is as high as before might be somebody else's, and the next slot would stay empty."""
    full, ended = {AgentId(1): load(1, 2)}, {AgentId(1): load(2, closed=1)}
    desk.asked(WA, Roster(agents=(seen(1, count=2),), read_at=0.0, uses=None), 0.0)
    desk.compare(full, 0.0)
    assert len(round_of(desk, heads(1), 1.0, loads=ended)[0].reservations) == 1
    desk.asked(WA, Roster(agents=(seen(1, count=2),), read_at=3.5, uses=None), 3.5)
    desk.compare(full, 3.5)
    assert len(round_of(desk, heads(2), 3.6, loads=ended)[0].reservations) == 1


def test_an_end_of_ours_does_not_hide_a_customer_given_by_hand_who_was_seen_before_it(desk):
    """For as long as the count may still hold our customer, it says nothing about theirs."""
    for second, count, ours in [(0.0, 2, load(1)), (TIMING.lag_s + 0.5, 1, load(closed=1))]:
        desk.asked(WA, Roster(agents=(seen(1, count=count),), read_at=second, uses=None), second)
        desk.compare({AgentId(1): ours}, second)
    made, _ = round_of(desk, heads(1, 2), TIMING.lag_s + 0.6)
    assert len(made.reservations) == 1


def test_a_roster_that_no_plan_has_seen_is_good_however_slow_the_round(desk):
    """Else a leader whose rounds take longer than rosters are trusted would give out nothing, for ever."""
    round_of(desk, heads(1), 0.0)
    desk.asked(WA, roster(1, read_at=0.0), 3.0)
    assert len(round_of(desk, heads(1), 6.0)[0].reservations) == 1
    assert len(round_of(desk, heads(1), 6.1)[0].reservations) == 0


def test_after_a_round_that_failed_a_roster_is_as_old_as_it_is(desk):
    round_of(desk, heads(1), 0.0)
    desk.asked(WA, roster(1, read_at=0.0), 3.0)
    desk.begin_anew()
    made, ask = round_of(desk, heads(1), 6.0)
    assert (len(made.reservations), len(ask)) == (0, 1)


def test_after_an_outage_all_lanes_are_asked_at_once_and_nobody_passes_who_waits_there(desk):
    """However often asking failed in each: else the lane that happens to be asked first is served, for seconds."""
    fb = Lane("fb")
    both = {**heads(1), **heads(2, lane=fb)}
    round_of(desk, both, 0.0)
    for now in (0.0, 0.5, 1.5):
        desk.asked(WA, UNKNOWN, now)
    desk.asked(fb, UNKNOWN, 3.0)
    desk.asked(fb, roster(1, read_at=4.0), 4.0)
    made, ask = round_of(desk, both, 4.0)
    assert made.reservations == ()
    assert [one.room for one in ask] == ["1"]
    desk.asked(WA, roster(1, read_at=4.0), 4.1)
    assert [one.session for one in round_of(desk, both, 4.1)[0].reservations] == [both[WA][0].id, both[fb][0].id]
