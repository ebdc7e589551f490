"""The laws of the platform, on values alone."""

import pytest

from qiscus_simulator.late import Late
from qiscus_simulator.platform import AssignRequest, Refused, Resolved, Seated

START = 1_700_000_000.0


def assign(platform, room_id, agent_id, *, max_agent=1, replace=False, at=START + 1):
    request = AssignRequest(room_id=room_id, agent_id=agent_id, max_agent=max_agent, replace_latest=replace)
    return platform.assign(request, at)


def test_an_assign_seats_the_agent_and_the_room_waits_no_more(platform, room):
    assert isinstance(assign(platform, room.id, 1), Seated)
    assert room.seated == [1]
    assert not room.is_waiting


@pytest.mark.parametrize("second", [1, 2])
def test_max_agent_is_a_compare_and_set_on_the_room(platform, room, second):
    assign(platform, room.id, 1)
    refused = assign(platform, room.id, second)
    assert (refused.status, refused.why) == (400, "Cant join room, exceed max agents")
    assert room.seated == [1]


def test_without_max_agent_two_agents_may_sit_in_one_room(platform, room):
    assign(platform, room.id, 1)
    assign(platform, room.id, 2, max_agent=None)
    assert room.seated == [1, 2]


def test_replacing_puts_the_latest_agent_out_without_an_error(platform, room):
    assign(platform, room.id, 1)
    assert assign(platform, room.id, 2, replace=True).replaced == 1
    assert room.seated == [2]
    assert platform.agents[1].count.now == 0


def test_nobody_checks_an_agents_load_or_whether_it_is_online(platform, room):
    platform.agents[1].online = False
    platform.agents[1].count.set(99, START)
    assert isinstance(assign(platform, room.id, 1), Seated)


def test_a_resolved_room_refuses_every_assign(platform, room):
    platform.resolve(room.id, 9, START)
    assert assign(platform, room.id, 1).why == "Room already resolved"


def test_an_unknown_room_is_404(platform):
    assert assign(platform, "1", 1).status == 404


def test_an_unknown_or_deleted_agent_is_an_error_in_object_form(platform, room):
    platform.agents[2].deleted = True
    for agent_id in (2, 77):
        refused = assign(platform, room.id, agent_id)
        assert (refused.status, refused.as_object) == (400, True)


def test_a_removed_agent_leaves_a_waiting_room(platform, room):
    assign(platform, room.id, 1)
    platform.remove(room.id, 1, START + 2)
    assert room.is_waiting
    assert room.views.now.is_waiting


def test_only_who_sits_in_a_room_can_be_removed(platform, room):
    assert isinstance(platform.remove(room.id, 1, START), Refused)


def test_a_resolve_empties_the_room_whoever_resolves(platform, room):
    assign(platform, room.id, 1)
    result = platform.resolve(room.id, 9, START + 2)
    assert isinstance(result, Resolved)
    assert (result.served_by, room.seated) == ((1,), [])
    assert platform.agents[1].count.now == 0


def test_a_room_lives_through_many_sessions_with_growing_ids(platform, room):
    first = room.session.id
    platform.resolve(room.id, 9, START + 2)
    platform.come_back(room, START + 3)
    assert room.is_waiting
    assert (room.past.id, room.session.id) == (first, first + 1)


def test_eligible_are_all_with_the_channel_offline_ones_and_supervisors_too(platform):
    platform.agents[1].online = False
    assert [agent.id for agent in platform.eligible("wa")] == [1, 2, 8, 9]


def test_the_platforms_own_pick_is_the_least_busy_ordinary_agent_online(platform, room):
    assign(platform, room.id, 1, at=START)
    assert platform.least_busy("wa", START + 5, ignore_availability=False).id == 2
    platform.agents[2].online = False
    assert platform.least_busy("wa", START + 5, ignore_availability=False).id == 1
    assert platform.least_busy("wa", START + 5, ignore_availability=True).id == 2


def test_with_nobody_online_the_platform_picks_nobody(platform):
    for agent in platform.agents.values():
        agent.online = False
    assert platform.least_busy("wa", START, ignore_availability=False) is None


def test_counts_are_late_in_both_directions(platform, room):
    count = platform.agents[1].count
    assign(platform, room.id, 1, at=START + 10)
    assert (count.as_of(START + 10.5 - 1), count.as_of(START + 11.5 - 1)) == (0, 1)
    platform.resolve(room.id, 9, START + 20)
    assert (count.as_of(START + 20.5 - 1), count.as_of(START + 21.5 - 1)) == (1, 0)


def test_a_late_value_forgets_only_what_nobody_can_ask_for():
    late = Late(0, 0.0)
    for second in range(1, 1000):
        late.set(second, float(second))
    assert late.now == 999
    assert late.as_of(999 - 60) == 939
    assert len(late._past) < 70


def test_rooms_that_closed_lately_stay_in_reach_and_then_leave(platform, room):
    platform.resolve(room.id, 9, START)
    assert platform.rooms_lately(START + 30) == [room]
    assert platform.rooms_lately(START + 100) == []
    assert platform.open_rooms() == []
