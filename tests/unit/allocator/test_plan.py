"""What a plan decides, by example."""

import pytest
from unit.allocator.making import after, head, load, roster, seen, snapshot

from allocator.core.candidates import PATIENT_MAX, Candidate
from allocator.core.ids import AgentId
from allocator.core.plan import heads_needed, plan
from allocator.core.policy import compile_spec
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
    made = plan(snapshot([head(1), head(2)], {"wa": roster(1)}, foreign={AgentId(1): 1}))
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


def test_only_whom_a_rule_names_may_take_its_sessions_and_others_take_the_rest():
    spec = {"eligibility": [{"when": {"sources": ["wa"]}, "divisions": ["Sales"]}]}
    agents = roster(1, seen(2, divisions=["Sales"]))
    heads = [head(1), head(2), head(3), head(4, lane="ig")]
    made = plan(snapshot(heads, {"wa": agents, "ig": agents}, spec=spec))
    assert who(made) == [2, 2, 1]
    assert why(made) == [WaitReason.ALL_AT_CAPACITY]


def test_a_rule_lets_in_nobody_whom_the_platform_does_not():
    spec = {"eligibility": [{"agents": [7]}]}
    assert why(plan(snapshot([head(1)], {"wa": roster(1)}, spec=spec))) == [WaitReason.NO_ELIGIBLE_AGENT]


def test_where_those_whom_the_rule_names_are_offline_it_says_so():
    spec = {"eligibility": [{"agents": [7]}]}
    made = plan(snapshot([head(1)], {"wa": roster(1, 7, offline=[7])}, spec=spec))
    assert why(made) == [WaitReason.NO_AGENT_ONLINE]


def test_an_agent_gets_no_more_from_a_channel_than_its_cap_but_more_from_others():
    spec = {"capacity": {"default": 5, "channels": [{"source": "wa", "max": 2}]}}
    loads = {AgentId(1): load(1, by_lane={"wa:3": 1})}
    heads = [head(1), head(2, lane="wa:4"), head(3, lane="ig")]
    rosters = {lane: roster(1) for lane in ("wa", "wa:4", "ig")}
    made = plan(snapshot(heads, rosters, spec=spec, loads=loads))
    assert [one.session for one in made.reservations] == [head(1).session, head(3).session]
    assert why(made) == [WaitReason.CHANNEL_AT_CAPACITY]


def test_of_several_channel_caps_the_smallest_that_applies_holds():
    caps = [{"source": "wa", "max": 3}, {"source": "wa", "channelId": 4, "max": 1}]
    spec = {"capacity": {"default": 9, "channels": caps}}
    heads = [head(1, lane="wa:4"), head(2, lane="wa:4"), head(3), head(4), head(5)]
    made = plan(snapshot(heads, {"wa": roster(1), "wa:4": roster(1)}, spec=spec))
    assert [one.session for one in made.reservations] == [head(1).session, head(3).session, head(4).session]


def test_a_channel_cap_of_zero_gives_nothing_from_there():
    spec = {"capacity": {"channels": [{"source": "wa", "max": 0}]}}
    assert why(plan(snapshot([head(1)], {"wa": roster(1)}, spec=spec))) == [WaitReason.CHANNEL_AT_CAPACITY]


def test_the_app_has_no_more_than_its_total_customers_given_by_hand_included():
    spec = {"capacity": {"default": 9, "total": 5}}
    loads = {AgentId(1): load(1, 2), AgentId(9): load(1)}  # 9 went home with somebody
    made = plan(
        snapshot(
            [head(1), head(2, lane="ig")],
            {"wa": roster(1), "ig": roster(1)},
            spec=spec,
            loads=loads,
            foreign={AgentId(1): 1},
        )
    )
    assert [one.session for one in made.reservations] == [head(1).session]
    assert why(made) == [WaitReason.APP_AT_CAPACITY]


def test_a_total_below_what_there_is_gives_nothing_more_and_takes_nobody_away():
    made = plan(
        snapshot([head(1)], {"wa": roster(1, 2)}, spec={"capacity": {"total": 1}}, loads={AgentId(1): load(1, 2)})
    )
    assert why(made) == [WaitReason.APP_AT_CAPACITY]


STICKY = {"strategy": ["sticky", "leastLoaded"], "sticky": {"patience": "60s"}}
FULL = {AgentId(2): load(1, 2)}


def test_a_customer_comes_back_to_the_agent_who_served_them_although_others_are_freer():
    loads = {AgentId(2): load(1)}
    made = plan(snapshot([head(1, last_agent=2)], {"wa": roster(1, 2)}, spec=STICKY, loads=loads))
    assert who(made) == [2]
    assert made.reservations[0].rank == (0.0, 0.5, 2)
    assert made.reservations[0].against == ((1.0, 0.0, 1),)


def test_while_that_agent_is_full_the_customer_waits_for_them_as_long_as_the_policy_has_patience():
    heads = [head(1, since=-59, last_agent=2), head(2)]
    made = plan(snapshot(heads, {"wa": roster(1, 2)}, spec=STICKY, loads=FULL))
    assert made.reasons == {head(1).session: WaitReason.WAITING_FOR_THEIR_AGENT}
    assert [(one.session, one.agent) for one in made.reservations] == [(head(2).session, 1)]


def test_and_no_longer():
    made = plan(snapshot([head(1, since=-60, last_agent=2)], {"wa": roster(1, 2)}, spec=STICKY, loads=FULL))
    assert who(made) == [1]


def test_nor_does_a_clock_that_is_ahead_prolong_it():
    made = plan(snapshot([head(1, since=3600, last_agent=2)], {"wa": roster(1, 2)}, spec=STICKY, loads=FULL))
    assert who(made) == [1]


def test_without_patience_nobody_waits_for_their_agent():
    spec = {"strategy": ["sticky", "leastLoaded"]}
    assert who(plan(snapshot([head(1, last_agent=2)], {"wa": roster(1, 2)}, spec=spec, loads=FULL))) == [1]


@pytest.mark.parametrize("agents", [roster(1, 2, offline=[2]), roster(1)], ids=["offline", "may not take the room"])
def test_nobody_waits_for_an_agent_who_is_not_there(agents):
    assert who(plan(snapshot([head(1, last_agent=2)], {"wa": agents}, spec=STICKY))) == [1]


@pytest.mark.parametrize("loads", [{}, FULL], ids=["free", "full"])
def test_an_agent_who_was_refused_for_the_room_is_neither_come_back_to_nor_waited_for(loads):
    made = plan(snapshot([head(1, avoid=[2], last_agent=2)], {"wa": roster(1, 2)}, spec=STICKY, loads=loads))
    assert who(made) == [1]


def test_an_agent_whom_a_rule_keeps_out_is_not_come_back_to():
    spec = STICKY | {"eligibility": [{"agents": [1]}]}
    assert who(plan(snapshot([head(1, last_agent=2)], {"wa": roster(1, 2)}, spec=spec))) == [1]


def test_so_many_wait_for_their_agent_at_the_front_of_a_lane_and_the_next_take_who_is_free():
    heads = [head(n, since=n / 100, last_agent=2) for n in range(1, PATIENT_MAX + 2)]
    made = plan(snapshot(heads, {"wa": roster(1, 2)}, spec=STICKY, loads=FULL))
    assert who(made) == [1]
    assert why(made) == [WaitReason.WAITING_FOR_THEIR_AGENT] * PATIENT_MAX


@pytest.mark.parametrize("patience", ["0s", "60s"])
def test_a_plan_needs_to_see_no_more_of_a_lane_than_it_can_give_slots_and_some_who_wait_for_their_agent(patience):
    policy = compile_spec(STICKY | {"sticky": {"patience": patience}}, 1)
    needed = heads_needed(policy, 1)
    heads = [head(n, since=n / 100, last_agent=2) for n in range(1, needed)] + [head(needed)]
    made = plan(snapshot(heads, {"wa": roster(1, 2)}, spec=STICKY | {"sticky": {"patience": patience}}, loads=FULL))
    assert needed == {"0s": 2, "60s": 2 + PATIENT_MAX}[patience]
    assert who(made)[:1] == [1]


HOURS = {"timezone": "UTC", "open": [{"days": ["Sun"], "from": "12:00", "to": "13:00"}]}


@pytest.mark.parametrize(("at", "served"), [(-1, 0), (0, 1), (3599, 1), (3600, 0)])
def test_outside_of_the_hours_nobody_is_assigned_and_they_say_so(at, served):
    made = plan(snapshot([head(1)], {"wa": roster(1)}, spec={"hours": HOURS}, at=after(at)))
    assert len(made.reservations) == served
    assert why(made) == ([] if served else [WaitReason.OUTSIDE_HOURS])


def test_hours_that_hold_nobody_are_as_if_open():
    spec = {"hours": HOURS | {"outside": "assign"}}
    assert who(plan(snapshot([head(1)], {"wa": roster(1)}, spec=spec, at=after(-1)))) == [1]


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
