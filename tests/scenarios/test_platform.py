"""The platform misbehaves, people interfere, and settings change while customers come."""

import time

import pytest

from support.system import LAG_S, SLACK_S, policy

pytestmark = pytest.mark.system(allocators=1)
"""Who leads is no question here."""

QUIET = {"chatter_s": "0"}
"""Customers say nothing twice: what was lost, only the sweep finds."""
UNTOLD_S = 8.0
"""Where the platform does not tell who may take a lane's rooms, the others' are served meanwhile: they pass, for as
long as asking fails and is put off."""


def test_assigns_take_effect_and_are_not_answered(antre):
    antre.faults(effect_then_timeout=0.3)
    antre.traffic(12)
    antre.must_serve(50, within_s=40)
    antre.must_come_to_rest(within_s=40)


def test_assigns_take_effect_long_after_we_gave_up(antre):
    antre.faults(late_effect=0.2, late_effect_s=3.0, agent_flaps_per_s=0.5)
    antre.traffic(8)
    antre.must_serve(35, within_s=40)
    antre.must_come_to_rest(within_s=40)


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


def test_too_many_requests_and_then_errors(antre):
    antre.traffic(12)
    antre.must_serve(10)
    for fault in ({"too_many": 1.0, "retry_after_s": 2.0}, {"error_5xx": 1.0}):
        antre.faults(**fault)
        antre.must("a dozen customers wait", lambda: antre.platform.waiting() >= 12)
        antre.platform.calm()
        antre.must_progress(time.time(), within_s=5 + SLACK_S)
        antre.must("the backlog is served", lambda: antre.platform.waiting() < 5)
    antre.must_come_to_rest()


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


@pytest.mark.system(env={"ANTRE_PLATFORM_LAG_S": "6"})
def test_counters_are_late_and_agents_flap(antre):
    antre.faults(counter_lag_s=5.0, agent_flaps_per_s=1.0)
    antre.traffic(15)
    antre.must_serve(50, within_s=40)
    antre.must_come_to_rest(within_s=40)


def test_people_assign_take_over_and_resolve_by_hand(antre):
    antre.faults(hand_assign=1.0, takeover=1.0, hand_resolve=1.0, remove_agent=0.5)
    antre.traffic(15)
    antre.must_serve(60, within_s=40)
    antre.must_come_to_rest(within_s=60)


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


@pytest.mark.system(agents=4)
def test_the_policy_changes_while_customers_come(antre):
    antre.traffic(15)
    antre.must_serve(20)
    _carry(antre, 4)
    antre.set_policy(policy(4))
    antre.must("more are served at once", lambda: antre.platform.get("state")["slots_used"] > 10)
    antre.set_policy(policy(1))
    antre.must("the lower capacity is in force", lambda: antre.total("antre_slots_total") == 4)
    _carry(antre, 1)
    antre.set_policy("capacity: {default: many}\n")
    antre.must("the broken policy is refused", lambda: antre.total("antre_policy_refused") == 1)
    antre.must_serve(10)
    assert antre.total("antre_slots_total") == 4
    antre.traffic(0)
    _carry(antre, 2)
    antre.set_policy(policy(2))
    antre.must("the next one is in force", lambda: antre.total("antre_slots_total") == 8)
    antre.must_come_to_rest(within_s=60)


@pytest.mark.case
@pytest.mark.system(strategy="[platform]")
def test_the_platform_chooses_the_agent(antre):
    """Lane by lane, and as well as its counters are on time: who is overtaken meanwhile is the platform's choice."""
    antre.faults(counter_lag_s=0)
    antre.traffic(8)
    antre.must_serve(40, within_s=30)
    antre.must_come_to_rest(tolerance_s=3)


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


@pytest.mark.system(agents=5, simulator=QUIET)
def test_everybody_is_full_and_then_all_are_resolved_at_once(antre):
    antre.platform.each("service", service_s=None)
    antre.customers(30)
    antre.must_serve(10, since=0.0)
    antre.must("the rest waits for that reason", lambda: antre.waiting_why().get("all_at_capacity", 0) == 20)
    for room in [one["room"] for one in antre.platform.assigned()]:
        antre.platform.post("people", do="resolve", room_id=room)
    antre.must_progress(time.time() - 0.1, within_s=1 + SLACK_S)
    antre.must_come_to_rest()


def _carry(antre, capacity):
    """Let the platform's judge know what agents can carry."""
    for agent in antre.agents:
        antre.platform.post(f"agents/{agent}", capacity=capacity)
