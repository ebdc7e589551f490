"""What is told of a session's life."""

from dataclasses import replace
from datetime import timedelta

from unit.allocator.making import AGENT, NOON, TIMING, after, reserved, waiting

from allocator.core import outcomes as o
from allocator.core.ids import Lane
from allocator.core.lifecycle import ended, on_outcome, on_recovery, on_resolved
from allocator.core.reasons import MEANINGS, WaitReason
from allocator.core.session import State
from allocator.core.steps import WaitsTold, What, facts_of, step_of

LANE = Lane("wa")
FULL, NOBODY = WaitReason.ALL_AT_CAPACITY, WaitReason.NO_AGENT_ONLINE


def what(before, now):
    step = step_of(before, now, NOON)
    return step and step.what


def test_every_change_of_state_is_a_step():
    new = waiting(1)
    given = reserved(new)
    doubt = on_outcome(given, o.Unknown("timeout"), NOON, TIMING)
    done = on_outcome(given, o.Done(), NOON, TIMING)
    assert what(None, new) is What.RECORDED
    assert what(given, doubt) is What.DOUBT
    assert what(given, done) is What.ASSIGNED
    assert what(given, on_outcome(given, o.NotNow(1.0), NOON, TIMING)) is What.BACK
    assert what(done, ended(done, State.RESOLVED, NOON, "resolved")) is What.RESOLVED
    assert what(given, replace(on_recovery(given, after(1), over=False), unknown_at=NOON)) is What.AGAIN


def test_what_changes_nothing_for_the_customer_is_no_step():
    new = waiting(1)
    assert what(new, replace(new, checked_at=NOON, tries=3)) is None


def test_a_wait_that_is_in_question_is_told():
    new = waiting(1)
    assert what(new, on_resolved(new, NOON, TIMING)) is What.IN_QUESTION


def test_the_agent_who_was_let_go_is_named():
    given = reserved(waiting(1))
    assert step_of(given, on_outcome(given, o.NotNow(1.0), NOON, TIMING), NOON).agent == AGENT


def test_what_the_platform_said_is_told_in_its_kind_and_its_reason():
    assert facts_of(o.AgentRefused("agent is deleted")) == {"platform": "agent_refused", "reason": "agent is deleted"}
    assert facts_of(o.NotSeen(o.NotNow(2.0))) == {"platform": "not_now", "retry_after_s": 2.0}


def told(waits, session, reason, at_s):
    found = waits.changed({LANE: session}, {session.id: reason}, NOON + timedelta(seconds=at_s))
    return [why for _, why in found]


def test_a_reason_is_told_when_it_changes_and_not_each_round():
    waits, first = WaitsTold(), waiting(1)
    assert told(waits, first, FULL, 0) == [FULL]
    assert told(waits, first, FULL, 1) == []
    assert told(waits, first, NOBODY, 2) == [NOBODY]
    assert told(waits, waiting(2), NOBODY, 3) == [NOBODY]  # who is first now


def test_a_passing_reason_is_told_only_when_it_stays():
    waits, first = WaitsTold(), waiting(1)
    assert told(waits, first, WaitReason.ASKING, 0) == []
    assert told(waits, first, WaitReason.ASKING, 2) == []
    assert told(waits, first, WaitReason.ASKING, 3) == [WaitReason.ASKING]


def test_a_reason_that_keeps_changing_is_told_about_once_a_minute_in_the_end():
    waits, first = WaitsTold(), waiting(1)
    hour = [told(waits, first, (FULL, NOBODY)[second % 2], second) for second in range(3600)]
    assert 60 < sum(map(len, hour)) < 160


def test_every_reason_has_words_for_people():
    assert set(MEANINGS) == set(WaitReason)
