"""The leader stands still, at the worst places, while others go on; then it goes on as if nothing had been."""

import time

import pytest

from support.hooked import AFTER_ANSWER, BEFORE_SEND, BLOCK, caught_by
from support.system import LAG_S, QUARANTINE_S, TTL_S

LONG_S = 3 * TTL_S
BLOCKED_S = 2 * TTL_S
ROSTER_S = 4.0
"""Longer than anybody trusts in who is there."""


@pytest.mark.case(10, t_s=TTL_S + 1)
def test_the_leader_is_paused_while_idle_and_wakes_up_deposed(antre):
    antre.traffic(10)
    antre.must_serve(10)
    antre.traffic(0)
    antre.must("nothing is to be done", lambda: antre.platform.get("state")["served"] == 0)
    leader = antre.leader()
    antre.running[leader].pause()
    paused_at = time.time()
    antre.traffic(10)
    antre.must_progress(paused_at, repaired_at=paused_at)
    _stand_still_until(antre, paused_at + LONG_S)
    antre.running[leader].resume()
    antre.must_serve(20)
    antre.must_come_to_rest()


@pytest.mark.case(10, t_s=TTL_S + 1)
def test_the_leader_is_paused_under_load_and_wakes_up_deposed(antre):
    antre.traffic(10)
    antre.must_serve(10)
    leader = antre.leader()
    antre.running[leader].pause()
    paused_at = time.time()
    antre.leader(other_than=leader)
    antre.must_progress(time.time(), repaired_at=paused_at)
    _stand_still_until(antre, paused_at + LONG_S)
    antre.running[leader].resume()
    antre.must_serve(20)
    antre.must_come_to_rest()


@pytest.mark.case(11, t_s=TTL_S + QUARANTINE_S)
@pytest.mark.system(hooked=True, agents=60, simulator={"returning_share": "0"})
@pytest.mark.parametrize("is_over", [True, False], ids=["the room is over by then", "the room is served still"])
def test_the_leader_stands_still_between_the_trust_check_and_the_send(antre, is_over):
    antre.traffic(5)
    antre.must_serve(10)
    if not is_over:
        antre.platform.each("service", service_s=None)
    leader, room, stopped_at = _caught_before_the_send(antre)
    antre.leader(other_than=leader)
    antre.must_progress(time.time(), repaired_at=stopped_at)
    _stand_still_until(antre, stopped_at + LONG_S)
    assert (room in _rooms(antre.platform.of_kind("resolved"))) == is_over
    _wake_and_let_send(antre, leader, room)
    antre.must_come_to_rest()
    assert [one["room"] for one in antre.platform.assigned()].count(room) == 1


@pytest.mark.case(11)
@pytest.mark.system(hooked=True, agents=20, simulator={"returning_share": "0"})
def test_the_request_of_a_leader_that_stood_still_lands_in_the_rooms_next_session(antre):
    """What nobody can prevent from here: the platform takes it, and the ledger learns of it, as of somebody there whom
    it did not send: the session that the request was for is long over.
    """
    antre.traffic(5)
    antre.must_serve(10)
    leader, room, stopped_at = _caught_before_the_send(antre)
    antre.must("the other has it served", lambda: room in _rooms(antre.platform.of_kind("resolved", stopped_at)))
    antre.traffic(0)
    antre.must("all are served", lambda: antre.platform.get("state")["served"] == 0)
    _set_available(antre, False)
    _stand_still_until(antre, time.time() + QUARANTINE_S + LAG_S + ROSTER_S)  # so long the room is kept for its agent
    antre.platform.post("customers", room_id=room)
    _stand_still_until(antre, max(stopped_at + LONG_S, time.time() + 1))
    assert [one["room"] for one in antre.platform.assigned()].count(room) == 1
    antre.platform.each("service", service_s=None)
    _wake_and_let_send(antre, leader, room)
    antre.must("it took effect", lambda: [one["room"] for one in antre.platform.assigned()].count(room) == 2)
    _set_available(antre, True)
    antre.traffic(5)
    antre.must_serve(10)
    antre.must_come_to_rest(strays=[room])


@pytest.mark.representative("the fence, and recovery from a leader that wakes up")
@pytest.mark.case(12, t_s=TTL_S + 1)
@pytest.mark.system(hooked=True)
def test_the_leader_stands_still_between_the_answer_and_the_settle(antre):
    antre.traffic(10)
    antre.must_serve(10)
    leader = antre.leader()
    trap = antre.set_trap(leader, AFTER_ANSWER)
    stopped_at = antre.until_stopped(leader, trap)
    assert caught_by(trap) in _rooms(antre.platform.assigned())
    antre.leader(other_than=leader)
    antre.must_progress(time.time(), repaired_at=stopped_at)
    _stand_still_until(antre, stopped_at + LONG_S)
    antre.running[leader].resume()
    antre.must_serve(20)
    antre.must_come_to_rest()


@pytest.mark.case(13, t_s=TTL_S + 1)
@pytest.mark.system(hooked=True)
def test_the_leaders_loop_is_blocked(antre):
    antre.traffic(10)
    antre.must_serve(10)
    leader = antre.leader()
    trap = antre.set_trap(leader, BLOCK, str(BLOCKED_S))
    antre.must("the loop is blocked", lambda: not trap.exists())
    blocked_at = time.time()
    antre.leader(other_than=leader)
    antre.must_progress(time.time(), repaired_at=blocked_at)
    _stand_still_until(antre, blocked_at + BLOCKED_S)
    antre.until_ready(leader)
    antre.must_serve(20)
    antre.must_come_to_rest()


def _caught_before_the_send(antre):
    """The leader, caught; the room that it was about to give away; when."""
    leader = antre.leader()
    trap = antre.set_trap(leader, BEFORE_SEND)
    stopped_at = antre.until_stopped(leader, trap)
    return leader, caught_by(trap), stopped_at


def _wake_and_let_send(antre, leader, room):
    resumed_at = time.time()
    antre.running[leader].resume()
    antre.must("its request is on the platform", lambda: room in _rooms(_assigns(antre, resumed_at)))


def _set_available(antre, is_available):
    for agent in antre.agents:
        antre.platform.post(f"agents/{agent}", is_available=is_available)


def _stand_still_until(antre, moment):
    antre.must("time passes", lambda: time.time() > moment, within_s=LONG_S + 1)


def _assigns(antre, since):
    return [call for call in antre.platform.of_kind("call", since) if call["what"] == "assign_agent"]


def _rooms(entries):
    return {entry["room"] for entry in entries}
