"""The figures that are about us: since when somebody could have been served."""

from dataclasses import replace
from datetime import timedelta

from unit.allocator.making import APP, NOON, waiting

from allocator.core.chances import Chances, Planned
from allocator.core.ids import AgentId
from allocator.core.plan import Plan, Reservation
from allocator.core.reasons import WaitReason
from allocator.core.roster import IDLE
from allocator.core.session import State

AGENT = AgentId(7)
LONG_AGO = NOON - timedelta(hours=1)


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def planned(chances, seconds, sessions, *, give=(), why=WaitReason.ALL_AT_CAPACITY, busy_at=LONG_AGO):
    """A plan that gives those in ``give`` the agent, and leaves the others for ``why``."""
    heads = {}
    for one in sessions:
        heads.setdefault(one.lane, []).append(one)
    made = Plan(
        reservations=tuple(
            Reservation(session=one.id, agent=AGENT, slot=1, capacity=2, rank=(), against=()) for one in give
        ),
        reasons={one.id: why for one in sessions if one not in give},
        **EXTRA,
    )
    loads = {AGENT: replace(IDLE, busy_at=busy_at.timestamp())}
    return list(chances.planned(Planned(app=APP, at=at(seconds), heads=heads, made=made, loads=loads)))


EXTRA = {name: {} for name in Plan.__slots__ if name not in ("reservations", "reasons")}


def came(chances, session, seconds, reserved=None):
    return chances.came(
        replace(session, state=State.ASSIGNED, agent=AGENT, slot=1, reserved_at=reserved, assigned_at=at(seconds))
    )


def test_who_is_served_at_once_waited_for_nothing():
    chances, one = Chances(), waiting(1, since=at(0))
    assert planned(chances, 0.5, [one], give=[one]) == [0.5]
    assert came(chances, one, 0.7) == 0.7


def test_while_all_are_full_it_is_nobody_s_fault():
    chances, one = Chances(), waiting(1, since=at(0))
    planned(chances, 100, [one])
    assert planned(chances, 101, [one], give=[one], busy_at=at(100.8)) == [0.2]
    assert came(chances, one, 101.5) == 1.5


def test_while_nobody_plans_it_is_ours():
    chances, one = Chances(), waiting(1, since=at(0))
    planned(chances, 10, [one])
    assert planned(chances, 60, [one], give=[one]) == [50]


def test_while_the_platform_cannot_be_asked_it_counts():
    chances, one = Chances(), waiting(1, since=at(0))
    planned(chances, 30, [one], why=WaitReason.PLATFORM_UNAVAILABLE)
    assert planned(chances, 31, [one], give=[one]) == [31]


def test_a_new_leader_counts_from_when_the_agent_became_free():
    chances, one = Chances(), waiting(1, since=at(0))
    planned(chances, 60, [one], give=[one], busy_at=at(50))
    assert came(chances, one, 61) == 11


def test_who_waits_for_an_agent_of_their_own_is_excused_alone():
    chances, patient, other = Chances(), waiting(1, room="1", since=at(0)), waiting(2, room="2", lane="ig", since=at(0))
    planned(chances, 30, [patient], why=WaitReason.WAITING_FOR_THEIR_AGENT)
    planned(chances, 31, [other], give=[other])
    assert came(chances, other, 31) == 31
    planned(chances, 30, [patient], why=WaitReason.WAITING_FOR_THEIR_AGENT)
    planned(chances, 32, [patient], give=[patient])
    assert came(chances, patient, 32) == 2


def test_of_a_reservation_that_another_leader_made_the_delay_is_known_from_there():
    assert came(Chances(), waiting(1, since=at(0)), 9, reserved=at(5)) == 4


def over(number, seconds):
    return replace(waiting(number, room=f"over {number}"), state=State.RESOLVED, agent=AGENT, ended_at=at(seconds))


def test_from_the_end_of_a_session_to_the_agent_s_next_who_waited_then():
    chances, waits, late = Chances(), waiting(1, since=at(0)), waiting(2, since=at(20))
    for session, expected in ((waits, 1.5), (late, None)):
        chances.ended(over(9, 10), None)
        planned(chances, 11, [session], give=[session])
        served = replace(session, state=State.ASSIGNED, agent=AGENT, slot=1, assigned_at=at(11.5))
        assert chances.turnaround(served) == expected


def test_slots_that_came_free_while_nobody_led_lay_idle_from_then_on_and_not_from_when_it_was_recorded():
    chances, one, two = Chances(), waiting(1, room="1", since=at(0)), waiting(2, room="2", since=at(0))
    chances.ended(over(8, 60), at(10))
    chances.ended(over(9, 60), at(20))
    assert planned(chances, 60, [one, two], give=[one, two], busy_at=at(60)) == [50, 40]
    assert (came(chances, one, 61), came(chances, two, 61)) == (51, 41)


def test_a_doubt_lasts_until_it_is_settled_however_often_it_is_sent_again():
    chances, one = Chances(), waiting(1, since=at(0))
    for state, unknown_at in ((State.DOUBT, at(5)), (State.RESERVED, at(5)), (State.DOUBT, at(9))):
        chances.moved(replace(one, state=state, unknown_at=unknown_at))
    assert chances.in_doubt_since == at(5)
    chances.moved(replace(one, state=State.ASSIGNED))
    assert chances.in_doubt_since is None


def test_what_is_over_is_forgotten():
    chances, one = Chances(), waiting(1, since=at(0))
    planned(chances, 5, [one], give=[one])
    chances.ended(replace(one, state=State.WITHDRAWN, ended_at=at(6)), None)
    assert came(chances, one, 9, reserved=at(8)) == 1
