"""The checker: every wrong is caught by a record that has it, and no clean record is accused."""

from random import Random
from time import perf_counter

import pytest

from qiscus_simulator.checker import STORIES_MAX, busiest_rate, judge

START = 1_700_000_000.0
WRONGS = ("lost", "doubled", "over", "out_of_order")


def verdict(log, end=60.0, **limits):
    return judge(log.ordered(), START + end, **limits)


def wrongs(verdict):
    return {name: getattr(verdict, name) for name in WRONGS if getattr(verdict, name)}


@pytest.fixture
def two_agents(log):
    log.agent(0, 1)
    log.agent(0, 2)
    return log


def test_an_empty_record_has_an_empty_verdict(log):
    found = verdict(log)
    assert (found.arrived, found.waiting, found.wait_p50_s, found.assignments_per_s) == (0, 0, None, 0.0)
    assert wrongs(found) == {}


def test_a_clean_run(two_agents):
    for session in range(1, 5):
        two_agents.arrives(session, session)
        two_agents.assigns(session + 0.1, session, 1 + session % 2)
    for session in range(1, 4):
        two_agents.resolves(10 + session, session)
    found = verdict(two_agents)
    assert (found.arrived, found.acknowledged, found.assigned, found.resolved, found.waiting) == (4, 4, 4, 3, 0)
    assert wrongs(found) == {}
    assert found.wait_p50_s == pytest.approx(0.09)
    assert found.stories == []


# lost ---------------------------------------------------------------------------------------------------------------


def test_a_customer_who_waits_beside_a_free_agent_is_lost(two_agents):
    two_agents.arrives(1, 1)
    found = verdict(two_agents, end=12)
    assert wrongs(found) == {"lost": 1}
    assert found.waiting_why == {"nobody_online": 0, "all_at_capacity": 0, "free": 1}
    assert found.stories[0]["what"] == "lost"
    assert found.stories[0]["times_s"]["acknowledged"] == 1.01


def test_nobody_is_lost_within_the_grace(two_agents):
    two_agents.arrives(1, 1)
    assert wrongs(verdict(two_agents, end=11)) == {}
    assert wrongs(verdict(two_agents, end=11, grace_s=5)) == {"lost": 1}


def test_who_was_never_acknowledged_is_not_lost(two_agents):
    two_agents.arrives(1, 1, acknowledged=False)
    found = verdict(two_agents)
    assert (found.acknowledged, found.waiting, wrongs(found)) == (0, 1, {})


def test_nobody_is_lost_while_nobody_is_online(log):
    log.agent(0, 1, online=False)
    log.agent(0, 8, what="supervisor")
    log.arrives(1, 1)
    found = verdict(log)
    assert found.waiting_why["nobody_online"] == 1
    assert wrongs(found) == {}


def test_nobody_is_lost_while_all_are_full(log):
    log.agent(0, 1, capacity=1)
    log.arrives(1, 1)
    log.assigns(1.1, 1, 1)
    log.arrives(2, 2)
    found = verdict(log)
    assert found.waiting_why["all_at_capacity"] == 1
    assert wrongs(found) == {}


def test_a_slot_freed_by_a_resolve_must_be_given_away_within_the_grace(log):
    log.agent(0, 1, capacity=1)
    log.arrives(1, 1)
    log.assigns(1.1, 1, 1)
    log.arrives(2, 2)
    log.resolves(50, 1)
    assert wrongs(verdict(log, end=59)) == {}
    assert wrongs(verdict(log, end=61)) == {"lost": 1}


def test_the_grace_begins_anew_when_the_agent_was_away_for_a_moment(two_agents):
    two_agents.arrives(1, 1)
    for agent_id in (1, 2):
        two_agents.agent(55, agent_id, online=False)
        two_agents.agent(56, agent_id)
    assert wrongs(verdict(two_agents, end=60)) == {}
    assert wrongs(verdict(two_agents, end=67)) == {"lost": 1}


def test_an_agent_of_another_channel_is_no_reason(log):
    log.agent(0, 3, channels={"line"})
    log.arrives(1, 1, source="wa")
    assert wrongs(verdict(log)) == {}
    log.agent(55, 3, channels={"line", "wa"})
    assert wrongs(verdict(log, end=60)) == {}
    assert wrongs(verdict(log, end=66)) == {"lost": 1}


def test_a_customer_whose_agent_was_removed_waits_from_then_on(two_agents):
    two_agents.arrives(1, 1)
    two_agents.assigns(1.1, 1, 1)
    two_agents.removes(50, 1, 1)
    assert wrongs(verdict(two_agents, end=59)) == {}
    assert wrongs(verdict(two_agents, end=61)) == {"lost": 1}


# doubled ------------------------------------------------------------------------------------------------------------


def test_two_agents_in_one_room_by_api_is_doubled(two_agents):
    two_agents.arrives(1, 1)
    two_agents.assigns(1.1, 1, 1)
    two_agents.assigns(1.2, 1, 2)
    found = verdict(two_agents)
    assert wrongs(found) == {"doubled": 1}
    assert found.stories[0]["agents"] == [1, 2]


def test_an_api_assign_that_replaces_somebody_is_doubled(two_agents):
    two_agents.arrives(1, 1)
    two_agents.assigns(1.1, 1, 1)
    two_agents.seats(1.2, 1, 2, other=1)
    assert wrongs(verdict(two_agents)) == {"doubled": 1}


def test_joining_somebody_who_was_put_there_by_hand_is_doubled(two_agents):
    two_agents.arrives(1, 1)
    two_agents.seats(1.1, 1, 1, what="hand")
    two_agents.assigns(1.2, 1, 2)
    assert wrongs(verdict(two_agents)) == {"doubled": 1}


def test_what_people_do_is_not_doubled(two_agents):
    two_agents.arrives(1, 1)
    two_agents.assigns(1.1, 1, 1)
    two_agents.seats(1.2, 1, 2, what="hand")
    two_agents.removes(1.2, 1, 1)
    assert wrongs(verdict(two_agents)) == {}


def test_a_second_assign_after_a_removal_is_not_doubled(two_agents):
    two_agents.arrives(1, 1)
    two_agents.assigns(1.1, 1, 1)
    two_agents.removes(5, 1, 1)
    two_agents.assigns(6, 1, 2)
    assert wrongs(verdict(two_agents)) == {}


def test_an_agent_that_was_replaced_holds_nothing_any_more(log):
    log.agent(0, 1, capacity=1)
    log.agent(0, 2, capacity=1)
    log.arrives(1, 1)
    log.assigns(1.1, 1, 1)
    log.seats(1.2, 1, 2, other=1)
    log.arrives(2, 2)
    log.assigns(2.1, 2, 1)
    assert wrongs(verdict(log)) == {"doubled": 1}


def test_the_same_agent_again_is_neither_doubled_nor_counted_twice(log):
    log.agent(0, 1, capacity=1)
    log.arrives(1, 1)
    log.assigns(1.1, 1, 1)
    log.assigns(1.2, 1, 1)
    log.resolves(2, 1)
    log.arrives(3, 2)
    log.assigns(3.1, 2, 1)
    assert wrongs(verdict(log)) == {}


# over ---------------------------------------------------------------------------------------------------------------


def test_one_session_above_capacity_is_over(log):
    log.agent(0, 1, capacity=2)
    for session in (1, 2, 3):
        log.arrives(session, session)
        log.assigns(session + 0.1, session, 1)
    found = verdict(log)
    assert wrongs(found) == {"over": 1}
    assert "holds 3 sessions, capacity 2" in found.stories[0]["text"]


def test_a_resolved_session_is_not_held(log):
    log.agent(0, 1, capacity=1)
    for session in (1, 2, 3):
        log.arrives(session, session)
        log.assigns(session + 0.1, session, 1)
        log.resolves(session + 0.2, session)
    assert wrongs(verdict(log)) == {}


def test_a_chat_given_by_hand_counts_once_an_allocator_can_know_of_it(log):
    log.agent(0, 1, capacity=1)
    log.arrives(1, 1)
    log.seats(2, 1, 1, what="hand")
    log.arrives(3, 2)
    log.assigns(4, 2, 1)  # two seconds later: nobody can know
    assert wrongs(verdict(log)) == {}
    log.resolves(5, 2)
    log.arrives(6, 3)
    log.assigns(7, 3, 1)  # five seconds later: it is in the counters
    assert wrongs(verdict(log)) == {"over": 1}


def test_where_it_is_known_when_an_agent_was_chosen_what_came_later_is_not_held_against_it(log):
    log.agent(0, 1, capacity=1)
    log.arrives(1, 1)
    log.seats(2, 1, 1, what="hand")
    log.arrives(3, 2)
    log.assigns(9, 2, 1)
    for decided_s, found in ((4, {}), (6, {"over": 1})):
        assert wrongs(verdict(log, decided_at=lambda _, at=START + decided_s: at)) == found


def test_later_counters_give_more_time(log):
    log.add(0, "fault", what="counter_lag_s", value=10.0)
    log.agent(0, 1, capacity=1)
    log.arrives(1, 1)
    log.seats(2, 1, 1, what="hand")
    log.arrives(6, 2)
    log.assigns(7, 2, 1)
    assert wrongs(verdict(log)) == {}


def test_a_supervisor_is_not_for_allocation(log):
    log.agent(0, 8, what="supervisor", capacity=0)
    log.arrives(1, 1)
    log.assigns(1.1, 1, 8)
    assert wrongs(verdict(log)) == {"over": 1}


def test_a_lowered_capacity_accuses_only_later_assigns(log):
    log.agent(0, 1, capacity=2)
    for session in (1, 2):
        log.arrives(session, session)
        log.assigns(session + 0.1, session, 1)
    log.agent(5, 1, capacity=1)
    assert wrongs(verdict(log)) == {}


# out of order -------------------------------------------------------------------------------------------------------


def overtaking(log, **changes):
    """Session 1 is acknowledged at 1.01, session 2 comes at 2 and is tried ``ahead`` seconds before session 1."""
    options = {"ahead": 1.5, "first_source": "wa", "channels": {"wa", "line"}, "first_at": 1.0} | changes
    log.agent(0, 1, capacity=9, channels=options["channels"])
    log.agent(0, 2, capacity=9)
    log.arrives(options["first_at"], 1, source=options["first_source"])
    log.arrives(2, 2, source="line")
    log.assigns(2.5, 2, 1)
    log.assigns(2.5 + options["ahead"], 1, 2)


def test_a_later_customer_served_first_is_out_of_order(log):
    overtaking(log)
    found = verdict(log)
    assert wrongs(found) == {"out_of_order": 1}
    assert "session 2" in found.stories[0]["text"]


def test_within_the_tolerance_order_is_kept(log):
    overtaking(log, ahead=0.9)
    assert wrongs(verdict(log)) == {}
    assert wrongs(verdict(log, tolerance_s=0.5)) == {"out_of_order": 1}


def test_an_agent_that_could_not_have_taken_the_first_overtakes_nobody(log):
    overtaking(log, channels={"line"})
    assert wrongs(verdict(log)) == {}


def test_who_was_acknowledged_after_the_other_was_sent_is_not_overtaken(log):
    overtaking(log, first_at=1.995)
    assert wrongs(verdict(log)) == {}


def test_who_is_never_tried_is_overtaken_by_the_end(two_agents):
    two_agents.arrives(1, 1)
    two_agents.arrives(2, 2)
    two_agents.assigns(2.5, 2, 1)
    assert wrongs(verdict(two_agents, end=3)) == {}
    assert wrongs(verdict(two_agents, end=5)) == {"out_of_order": 1}


def test_who_was_touched_by_hand_is_not_overtaken(two_agents):
    two_agents.arrives(1, 1)
    two_agents.arrives(2, 2)
    two_agents.assigns(2.5, 2, 1)
    two_agents.resolves(4, 1, what="hand")
    assert wrongs(verdict(two_agents)) == {}


def test_apps_do_not_overtake_each_other(log):
    log.agent(0, 1)
    log.agent(0, 1, app="sim-other")
    log.arrives(1, 1)
    log.arrives(2, 2, app="sim-other")
    log.assigns(2.5, 2, 1, app="sim-other")
    log.assigns(9, 1, 1)
    assert wrongs(verdict(log)) == {}


def test_an_overtaken_session_counts_once(two_agents):
    two_agents.agent(0, 1, capacity=99)
    two_agents.arrives(1, 1)
    for session in range(2, 12):
        two_agents.arrives(session, session)
        two_agents.assigns(session + 0.1, session, 1)
    two_agents.assigns(20, 1, 2)
    assert wrongs(verdict(two_agents)) == {"out_of_order": 1}


def test_a_try_that_was_refused_keeps_the_place(two_agents):
    two_agents.arrives(1, 1)
    two_agents.tries(1.5, 1, 1)
    two_agents.arrives(2, 2)
    two_agents.assigns(2.5, 2, 1)
    two_agents.assigns(9, 1, 2)
    assert wrongs(verdict(two_agents)) == {}


def brute_force(log, end, tolerance_s):
    """Count overtaken sessions pair by pair, from the definition."""
    sent, acknowledged, tried, got, source = {}, {}, {}, {}, {}
    channels = {entry.agent: entry.state.channels for entry in log.entries if entry.kind == "agent"}
    for entry in log.ordered():
        for kind, known in (("webhook_sent", sent), ("webhook_answered", acknowledged), ("call", tried)):
            if entry.kind == kind:
                known.setdefault(entry.session, entry.at)
        if entry.kind == "assigned":
            got.setdefault(entry.session, entry.agent)
        if entry.kind == "arrived":
            source[entry.session] = entry.what
    return sum(
        any(
            acknowledged[one] < sent[other]
            and tried[other] < tried.get(one, START + end) - tolerance_s
            and source[one] in channels[got[other]]
            for other in got
        )
        for one in source
    )


@pytest.mark.parametrize("seed", range(30))
def test_overtaken_sessions_are_those_of_the_definition(log, seed):
    random = Random(seed)
    for agent_id in range(1, 5):
        log.agent(0, agent_id, capacity=999, channels=random.sample(["wa", "line", "fb"], 2))
    for session in range(1, 40):
        at = random.uniform(1, 20)
        log.arrives(at, session, source=random.choice(["wa", "line", "fb"]))
        if random.random() < 0.9:
            log.assigns(at + random.uniform(0.1, 8), session, random.randint(1, 4))
    assert verdict(log, end=30).out_of_order == brute_force(log, 30, 1.0)


# the rest -----------------------------------------------------------------------------------------------------------


def test_the_rate_is_that_of_the_stretch_with_most_effects():
    slow = [0.0, 0.9, 1.8]
    fast = [10 + 0.1 * step for step in range(11)]
    assert busiest_rate(slow + fast) == pytest.approx(10)
    assert busiest_rate([1.0]) == 0.0
    assert busiest_rate([]) == 0.0


def test_stories_are_few_and_of_every_kind(log):
    log.agent(0, 1, capacity=1)
    log.agent(0, 2, capacity=1)
    for session in range(1, 60):
        log.arrives(session / 10, session)
        log.assigns(session / 10 + 0.05, session, 1)
        log.assigns(session / 10 + 0.06, session, 2)
    found = verdict(log)
    assert found.doubled == 59
    assert found.over > 59
    assert len(found.stories) == STORIES_MAX
    assert {story["what"] for story in found.stories} == {"doubled", "over"}


def test_faults_excuse_nothing(two_agents):
    two_agents.add(0, "fault", what="effect_then_timeout", value=1.0)
    two_agents.arrives(1, 1)
    two_agents.assigns(1.1, 1, 1)
    two_agents.assigns(1.2, 1, 2)
    assert wrongs(verdict(two_agents)) == {"doubled": 1}


def test_ten_thousand_sessions_are_judged_in_a_moment(log):
    for agent_id in range(1, 101):
        log.agent(0, agent_id)
    for session in range(1, 10_001):
        at = session / 50
        log.arrives(at, session)
        log.assigns(at + 0.02, session, 1 + session % 100)
        log.resolves(at + 2, session)
    entries = log.ordered()
    began = perf_counter()
    found = judge(entries, START + 300)
    assert perf_counter() - began < 20  # a second here; minutes where each is compared with each
    assert (found.assigned, wrongs(found)) == (10_000, {})
