"""How long somebody will wait."""

from datetime import timedelta

from unit.allocator.making import NOON, waiting

from allocator.core.answers import Place
from allocator.core.expected import FREED_MIN, expected_wait, expected_waits
from allocator.core.glance import AgentSeen, Glance
from allocator.core.ids import AgentId, Lane


def every(seconds, times):
    """Slots that came free, the last one just now."""
    return [NOON - timedelta(seconds=seconds * number) for number in range(times)]


def test_the_place_times_how_often_slots_come_free():
    told = expected_wait(3, every(60, 20), NOON)
    assert told.seconds == 180
    assert told.least_s < 180 < told.most_s


def test_more_that_was_seen_makes_the_range_narrower():
    few, many = expected_wait(10, every(60, 6), NOON), expected_wait(10, every(60, 40), NOON)
    assert many.most_s - many.least_s < few.most_s - few.least_s


def test_nothing_is_said_where_it_would_be_a_guess():
    assert expected_wait(1, every(60, FREED_MIN - 1), NOON) is None
    assert expected_wait(1, every(60, 20), NOON + timedelta(minutes=10)) is None  # none came free since
    assert expected_wait(1, [NOON] * 10, NOON) is None


def place(number, lane):
    one = waiting(number)
    return Place(
        id=one.id,
        room=one.room,
        lane=Lane(lane),
        since=one.waiting_since,
        position=number,
        ahead=0,
        verify=False,
        due_at=None,
    )


def test_those_before_count_where_the_same_agents_could_take_them_and_only_a_wait_for_a_slot_is_told():
    seen = {1: ("wa", "line"), 2: ("fb",)}
    agents = tuple(
        AgentSeen(agent=agent, online=True, capacity=2, foreign=0, lanes=lanes) for agent, lanes in seen.items()
    )
    reasons = {"wa": "all_at_capacity", "line": "all_at_capacity", "fb": "paused"}
    glance = Glance(leader="a", at=0.0, platform=None, policy=1, paused=False, reasons=reasons, agents=agents)
    freed = [(at, AgentId(1)) for at in every(60, 20)]
    places = [place(1, "wa"), place(2, "fb"), place(3, "line")]
    assert [told and told.seconds for told in expected_waits(places, freed, glance, NOON)] == [60, None, 120]
    assert expected_waits(places, freed, None, NOON) == [None, None, None]
