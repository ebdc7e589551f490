"""The platform misbehaves, people interfere, and settings change while customers come."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.order import passed
from support.system import LAG_S, policy

pytestmark = pytest.mark.system(allocators=1)
"""Who leads is no question here."""

QUIET = {"chatter_s": "0"}
"""Customers say nothing twice: what was lost, only the sweep finds."""
QUARANTINE_LONG_S = 30.0
"""As in production: longer than a late effect takes."""
ROSTER_S = 4.0
"""Longer than anybody trusts in who is there."""
UNTOLD_S = 8.0
"""Where the platform does not tell who may take a lane's rooms, the others' are served meanwhile: they pass, for as
long as asking fails and is put off."""


@pytest.mark.representative("doubt holds its slot, and the agent is pinned")
@pytest.mark.case(34, t_s=10.0)
def test_assigns_take_effect_and_are_not_answered(antre):
    antre.faults(effect_then_timeout=0.3)
    antre.traffic(12)
    antre.must_serve(50, within_s=40)
    antre.platform.calm()
    antre.must_progress(time.time())
    antre.must_come_to_rest(within_s=40)


@pytest.mark.case(35)
def test_assigns_take_effect_long_after_we_gave_up(antre):
    antre.faults(late_effect=0.2, late_effect_s=3.0, agent_flaps_per_s=0.5)
    antre.traffic(8)
    antre.must_serve(35, within_s=40)
    antre.must_come_to_rest(within_s=40)


@pytest.mark.timeout(400)
@pytest.mark.case(35, t_s=QUARANTINE_LONG_S)
@pytest.mark.system(agents=12, env={"ANTRE_QUARANTINE_S": str(QUARANTINE_LONG_S)})
def test_assigns_take_effect_20_s_after_we_gave_up(antre):
    antre.faults(late_effect=0.2, late_effect_s=20.0, agent_flaps_per_s=0.5)
    antre.traffic(6)
    antre.must_serve(60, within_s=90)
    antre.must("the first ones land", lambda: _late_effects(antre) >= 5, within_s=60)
    antre.platform.calm()
    antre.must_progress(time.time())
    antre.must_come_to_rest(within_s=90)


@pytest.mark.representative("recording is idempotent")
@pytest.mark.case(3, 5)
@pytest.mark.system(gateways=2, simulator={"doubled_share": "0.5"})
def test_webhooks_come_twice_and_out_of_order(antre):
    antre.faults(webhook_doubled=0.5, webhook_reordered=0.5)
    antre.traffic(15)
    antre.must_serve(60, within_s=30)
    antre.must_come_to_rest(tolerance_s=1 + LAG_S)  # a wait that may be a ghost is looked at until it shows


@pytest.mark.case
@pytest.mark.system(simulator=QUIET)
def test_a_tenth_of_the_webhooks_never_comes(antre):
    antre.faults(webhook_lost_allocate=0.1, webhook_lost_resolve=0.1)
    antre.traffic(15)
    antre.must_serve(70, within_s=40)
    antre.must_come_to_rest()


@pytest.mark.timeout(300)
@pytest.mark.case(36, t_s=5.0)
@pytest.mark.parametrize(
    "fault",
    [{"too_many": 1.0, "retry_after_s": 2.0}, {"error_5xx": 1.0}, {"assign_down": 1.0}, {"reads_down": 1.0}],
    ids=lambda fault: next(iter(fault)),
)
def test_the_platform_refuses_for_a_while(antre, is_long, fault):
    """A minute in the long form; otherwise for as long as it takes that two dozen wait, and a breaker opens.

    While it lasts, lanes of which nobody can tell who may take them hold up nobody; from its end on the order is kept.
    """
    antre.traffic(6 if is_long else 12)
    antre.must_serve(10)
    antre.faults(**fault)
    began = time.time()
    antre.must("two dozen customers wait", lambda: antre.platform.waiting() >= 24)
    antre.must("it lasts", lambda: time.time() > began + (60 if is_long else 6), within_s=70)
    antre.platform.calm()
    calm_at = time.time()
    antre.must_progress(calm_at)
    antre.must("the backlog is served", lambda: antre.platform.waiting() < 5, within_s=60)
    antre.must_come_to_rest(tolerance_s=calm_at - began + antre.bound_s)
    assert not passed(antre.platform.record(), calm_at)


@pytest.mark.case(36)
def test_now_and_then_too_many_requests_or_an_error(antre):
    antre.faults(too_many=0.02, retry_after_s=1.0, error_5xx=0.1)
    antre.traffic(12)
    antre.must_serve(50, within_s=40)
    antre.must_come_to_rest(within_s=40, tolerance_s=UNTOLD_S)


@pytest.mark.case
def test_answers_are_pages_halves_and_other_shapes(antre):
    antre.faults(html_answer=0.1, half_json=0.1, other_shape=0.1, redirect=0.1)
    antre.traffic(12)
    antre.must_serve(50, within_s=40)
    antre.must_come_to_rest(within_s=40, tolerance_s=UNTOLD_S)


@pytest.mark.case(37)
@pytest.mark.system(env={"ANTRE_PLATFORM_LAG_S": "11"})
def test_counters_and_lists_are_late_and_agents_flap(antre):
    antre.faults(counter_lag_s=10.0, list_lag_s=10.0, agent_flaps_per_s=1.0)
    antre.traffic(15)
    antre.must_serve(50, within_s=40)
    antre.must_come_to_rest(within_s=60)


@pytest.mark.case(37)
def test_agents_go_offline_while_they_are_being_assigned(antre):
    antre.faults(latency_s=[0.2, 0.6], refuse_offline=1.0, agent_flaps_per_s=3.0)
    antre.traffic(10)
    antre.must("some are refused for that", lambda: _refused(antre) >= 3, within_s=60)
    antre.must_serve(30, within_s=40)
    antre.must_come_to_rest(within_s=40, tolerance_s=UNTOLD_S)


@pytest.mark.representative("max_agent=1, and the ledger follows the platform")
@pytest.mark.case(38, t_s=60.0)
def test_people_assign_take_over_and_resolve_by_hand(antre):
    """T is until ledger and platform agree, and all conversations have ended."""
    antre.faults(hand_assign=1.0, takeover=1.0, hand_resolve=1.0, remove_agent=0.5)
    antre.traffic(15)
    antre.must_serve(60, within_s=40)
    began = time.time()
    antre.must_come_to_rest(within_s=60)
    antre.measure("T", time.time() - began)


@pytest.mark.case
def test_with_wrong_credentials_nobody_is_served_and_with_the_right_ones_everybody(antre):
    for name in antre.allocators:
        antre.running[name].terminate()
        antre.begin(name, QISCUS_SECRET_KEY="not-the-secret-of-the-app")
    antre.customers(20)
    antre.must("they wait for that reason", lambda: antre.waiting_why().get("credentials_refused", 0) >= 20)
    assert antre.platform.assigned() == []
    for name in antre.allocators:
        antre.running[name].terminate()
        antre.begin(name)
    antre.must_serve(16, since=0.0, within_s=20)
    antre.must_come_to_rest()


@pytest.mark.case(43)
@pytest.mark.system(agents=4)
def test_the_policy_changes_while_customers_come(antre):
    antre.traffic(15)
    antre.must_serve(20)
    _carry(antre, 4)
    antre.set_policy(policy(4))
    antre.must("more are served at once", lambda: antre.platform.get("state")["slots_used"] > 10)
    antre.set_policy(policy(1))
    antre.must("the lower capacity is in force", lambda: antre.total("antre_slots") == 4)
    _carry(antre, 1)
    antre.set_policy("capacity: {default: many}\n")
    antre.must("the broken policy is refused", lambda: antre.total("antre_policy_refused") == 1)
    antre.must_serve(10)
    assert antre.total("antre_slots") == 4
    antre.traffic(0)
    _carry(antre, 2)
    antre.set_policy(policy(2))
    antre.must("the next one is in force", lambda: antre.total("antre_slots") == 8)
    antre.must_come_to_rest(within_s=60)


@pytest.mark.case
@pytest.mark.system(strategy="[platform]")
def test_the_platform_chooses_the_agent(antre):
    """Lane by lane, and as well as its counters are on time: who is overtaken meanwhile is the platform's choice."""
    antre.faults(counter_lag_s=0)
    antre.traffic(8)
    antre.must_serve(40, within_s=30)
    antre.must_come_to_rest(tolerance_s=3)


@pytest.mark.case(39)
@pytest.mark.system(simulator={"service_s": "600", "chatter_s": "1:2"}, agents=2)
def test_a_room_that_is_always_refused_holds_up_nobody(antre):
    """It is put on the list that a person sees, and taken up again with its customer's next message."""
    antre.platform.each("service", service_s=None)
    (refused,) = antre.customers(1, send=False)
    antre.platform.post(f"rooms/{refused}", refuse=422)
    antre.platform.post("customers", room_id=refused)
    antre.must("it was tried", lambda: any(one["room"] == refused for one in antre.platform.of_kind("refused")))
    rooms = antre.customers(3)
    antre.must_serve(3, since=0.0)
    assert {one["room"] for one in antre.platform.assigned()} == set(rooms)
    antre.platform.post(f"rooms/{refused}", refuse=None)
    antre.platform.post("customers", room_id=refused)
    antre.must_serve(4, since=0.0)
    antre.must_come_to_rest()


@pytest.mark.case(43)
def test_an_agent_is_deleted(antre):
    """Who is with that agent stays to the end; nobody new comes."""
    antre.traffic(15)
    antre.must_serve(20)
    gone = antre.agents[0]
    antre.platform.post(f"agents/{gone}", deleted=True)
    known_at = time.time() + ROSTER_S
    antre.must("it is known", lambda: time.time() > known_at)
    antre.must_serve(30)
    assert not [one for one in antre.platform.assigned(known_at) if one["agent"] == gone]
    antre.must_come_to_rest()


@pytest.mark.representative("order and capacity when everything moves at once")
@pytest.mark.case(40, t_s=1.0)
@pytest.mark.system(agents=50, simulator=QUIET)
def test_everybody_is_full_and_then_all_are_resolved_at_once(antre):
    """One resolve is never told: more wait than there are slots without it, so it has to be found."""
    antre.platform.each("service", service_s=None)
    antre.customers(220)
    antre.must_serve(100, since=0.0, within_s=30)
    antre.must("the rest waits for that reason", lambda: antre.waiting_why().get("all_at_capacity", 0) == 120)
    untold, *others = [one["room"] for one in antre.platform.assigned()]
    antre.faults(webhook_lost_resolve=1.0)
    antre.platform.post("people", do="resolve", room_id=untold)
    antre.faults(webhook_lost_resolve=0.0)
    since = time.time()
    with ThreadPoolExecutor(8) as people:
        list(people.map(lambda room: antre.platform.post("people", do="resolve", room_id=room), others))
    antre.must_progress(since)
    antre.must_serve(100, since=since, within_s=30)
    antre.must_come_to_rest(within_s=60)


def _carry(antre, capacity):
    """Let the platform's judge know what agents can carry."""
    for agent in antre.agents:
        antre.platform.post(f"agents/{agent}", capacity=capacity)


def _refused(antre):
    return sum(1 for entry in antre.platform.of_kind("refused") if entry.get("note") == "refuse_offline")


def _late_effects(antre):
    """Assigns that reached the room long after they were asked for: they took effect, or came too late for that."""
    asked = {call["number"]: call["at"] for call in antre.platform.of_kind("call")}
    landed = [*antre.platform.of_kind("refused"), *antre.platform.assigned()]
    return sum(1 for one in landed if one["at"] - asked.get(one.get("number"), one["at"]) > 1)
