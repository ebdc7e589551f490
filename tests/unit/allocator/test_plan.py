"""What a plan decides, by example."""

import pytest
from unit.allocator.making import head, load, roster, snapshot

from allocator.core.candidates import Candidate
from allocator.core.ids import AgentId
from allocator.core.plan import plan
from allocator.core.reasons import WaitReason


def who(made):
    """The agents in the order of the reservations."""
    return [one.agent for one in made.reservations]


def why(made):
    return list(made.reasons.values())


def test_nobody_waits_and_nothing_is_decided():
    made = plan(snapshot([], {"wa": roster(1)}))
    assert made.reservations == ()
    assert made.reasons == {}


def test_the_least_loaded_is_chosen_by_percent_not_by_count():
    spec = {"capacity": {"default": 2, "agents": [{"id": 2, "max": 10}]}, "strategy": ["leastLoaded"]}
    loads = {AgentId(1): load(1), AgentId(2): load(1, 2, 3)}  # 50 % and 30 %
    assert who(plan(snapshot([head(1)], {"wa": roster(1, 2)}, spec=spec, loads=loads))) == [2]


def test_among_equally_loaded_the_longest_idle_is_chosen():
    loads = {AgentId(1): load(busy_at=50.0), AgentId(2): load(busy_at=20.0)}
    assert who(plan(snapshot([head(1)], {"wa": roster(1, 2)}, loads=loads))) == [2]


def test_an_agent_who_never_had_anybody_is_idle_longest():
    loads = {AgentId(1): load(busy_at=50.0)}
    assert who(plan(snapshot([head(1)], {"wa": roster(1, 2)}, loads=loads))) == [2]


def test_the_order_of_the_strategies_is_the_teams():
    loads = {AgentId(1): load(busy_at=10.0), AgentId(2): load(1, busy_at=5.0)}
    loaded_first = snapshot([head(1)], {"wa": roster(1, 2)}, loads=loads)
    idle_first = snapshot(
        [head(1)], {"wa": roster(1, 2)}, loads=loads, spec={"strategy": ["longestIdle", "leastLoaded"]}
    )
    assert (who(plan(loaded_first)), who(plan(idle_first))) == ([1], [2])


def test_ties_go_to_the_smaller_number():
    assert who(plan(snapshot([head(1)], {"wa": roster(9, 3, 5)}))) == [3]


def test_customers_are_spread_before_anybody_gets_a_second():
    assert who(plan(snapshot([head(n) for n in range(1, 5)], {"wa": roster(1, 2)}))) == [1, 2, 1, 2]


def test_a_choice_says_against_whom_it_was_made():
    loads = {AgentId(1): load(1), AgentId(2): load(busy_at=5.0), AgentId(3): load(busy_at=9.0), AgentId(4): load(1, 2)}
    (given,) = plan(snapshot([head(1)], {"wa": roster(1, 2, 3, 4)}, loads=loads)).reservations
    assert given.rank == (0.0, 5.0, 2.0)
    assert given.against == ((0.0, 9.0, 3.0), (0.5, 0.0, 1.0))


def test_who_was_avoided_or_is_full_was_no_rival():
    loads = {AgentId(2): load(1, 2)}
    (given,) = plan(snapshot([head(1, avoid={AgentId(3)})], {"wa": roster(1, 2, 3)}, loads=loads)).reservations
    assert (given.agent, given.against) == (1, ())


def test_the_lowest_free_slot_is_given():
    made = plan(snapshot([head(1)], {"wa": roster(1)}, loads={AgentId(1): load(2)}, spec={"capacity": {"default": 3}}))
    assert [one.slot for one in made.reservations] == [1]


def test_a_customer_given_by_hand_uses_a_slot_too():
    made = plan(snapshot([head(1), head(2)], {"wa": roster(1)}, foreign={AgentId(1): ((0.0, 1),)}))
    assert who(made) == [1]
    assert why(made) == [WaitReason.ALL_AT_CAPACITY]


def test_a_lowered_capacity_gives_nothing_more_to_who_has_more_already():
    loads = {AgentId(1): load(1, 2, 3, 4)}
    made = plan(snapshot([head(1)], {"wa": roster(1)}, loads=loads))
    assert why(made) == [WaitReason.ALL_AT_CAPACITY]


def test_a_slot_beyond_a_lowered_capacity_counts_but_is_not_given_again():
    made = plan(snapshot([head(1), head(2)], {"wa": roster(1)}, loads={AgentId(1): load(4)}))
    assert [(one.agent, one.slot) for one in made.reservations] == [(1, 1)]


def test_an_agent_with_capacity_zero_gets_nobody():
    spec = {"capacity": {"agents": [{"id": 1, "max": 0}]}}
    assert why(plan(snapshot([head(1)], {"wa": roster(1)}, spec=spec))) == [WaitReason.ALL_AT_CAPACITY]


def test_who_is_offline_gets_nobody():
    made = plan(snapshot([head(1)], {"wa": roster(1, 2, offline=(1, 2))}))
    assert why(made) == [WaitReason.NO_AGENT_ONLINE]


def test_a_lane_whose_rooms_nobody_may_take_says_so():
    assert why(plan(snapshot([head(1)], {"wa": roster()}))) == [WaitReason.NO_ELIGIBLE_AGENT]


def test_a_lane_nobody_asked_about_yet_waits_for_the_answer():
    assert why(plan(snapshot([head(1)], {}))) == [WaitReason.ASKING]


def test_a_blocked_lane_blocks_nobody_behind_it():
    made = plan(snapshot([head(1, lane="ig"), head(2)], {"ig": roster(), "wa": roster(1)}))
    assert [one.session for one in made.reservations] == [head(2).session]


def test_an_agent_of_two_lanes_takes_the_older_customer_of_either():
    heads = [head(2, lane="wa"), head(1, lane="line")]
    made = plan(snapshot(heads, {"wa": roster(1), "line": roster(1)}, spec={"capacity": {"default": 1}}))
    assert [one.session for one in made.reservations] == [head(1).session]


def test_an_agent_the_platform_refused_for_a_room_is_not_tried_for_it_again():
    made = plan(snapshot([head(1, avoid=[1]), head(2)], {"wa": roster(1, 2)}))
    assert who(made) == [2, 1]


def test_a_room_whose_every_agent_is_refused_waits_and_the_next_one_is_served():
    made = plan(snapshot([head(1, avoid=[1]), head(2)], {"wa": roster(1)}))
    assert made.reasons == {head(1).session: WaitReason.NO_ELIGIBLE_AGENT}
    assert [one.session for one in made.reservations] == [head(2).session]


def test_a_paused_policy_gives_nothing_out():
    assert why(plan(snapshot([head(1)], {"wa": roster(1)}, spec={"paused": True}))) == [WaitReason.PAUSED]


def test_beyond_the_calls_that_may_be_under_way_people_wait_for_those():
    made = plan(snapshot([head(1), head(2)], {"wa": roster(1)}, budget=1))
    assert who(made) == [1]
    assert why(made) == [WaitReason.CALLS_AT_LIMIT]


def test_a_suggestion_of_the_platforms_is_good_for_one_customer():
    spec = {"strategy": ["platform"]}
    made = plan(snapshot([head(1), head(2)], {"wa": roster(1, uses=1)}, spec=spec))
    assert who(made) == [1]
    assert why(made) == [WaitReason.ASKING]


def test_a_suggested_agent_who_is_full_by_our_rules_gets_nobody():
    spec = {"strategy": ["platform"], "capacity": {"default": 1}}
    made = plan(snapshot([head(1)], {"wa": roster(1, uses=1)}, spec=spec, loads={AgentId(1): load(1)}))
    assert why(made) == [WaitReason.ALL_AT_CAPACITY]


@pytest.mark.parametrize("full", [True, False])
def test_ten_thousand_who_wait_cost_no_ranking_of_agents_each(monkeypatch, full):
    ranked = []
    monkeypatch.setattr(Candidate, "ranked", counted(Candidate.ranked, ranked))
    agents = range(1, 101)
    loads = {AgentId(one): load(1, 2) for one in agents} if full else {}
    made = plan(snapshot([head(n) for n in range(1, 10_001)], {"wa": roster(*agents)}, loads=loads))
    assert len(made.reservations) == (0 if full else 200)
    assert len(made.reasons) == 10_000 - len(made.reservations)
    assert len(ranked) <= 100 + 3 * len(made.reservations)


def test_customers_who_avoid_everybody_cost_a_look_at_each_agent_not_more(monkeypatch):
    ranked = []
    monkeypatch.setattr(Candidate, "ranked", counted(Candidate.ranked, ranked))
    heads = [head(n, avoid=range(1, 11)) for n in range(1, 101)]
    made = plan(snapshot(heads, {"wa": roster(*range(1, 11))}))
    assert set(why(made)) == {WaitReason.NO_ELIGIBLE_AGENT}
    assert len(ranked) <= 100 * 10 + 10


def counted(rank, calls):
    def count(self):
        calls.append(self.id)
        return rank(self)

    return count
