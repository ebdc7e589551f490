"""One trace shows a customer's way through both services, to whoever takes OTLP."""

import time

import httpx
import pytest

from support.collector import Collector

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = CALLER[:-2] + "00"
OF_CUSTOMERS = {"antre.app", "antre.room", "antre.reason", "antre.outcome", "antre.agent"}
"""All that a span may say."""
WAY = {"webhook", "durable", "recorded", "reserved", "assigned"}

pytestmark = pytest.mark.system(simulator={"chatter_s": "0", "doubled_share": "0"}, service_s="30:30")


@pytest.fixture(scope="module")
def endpoint():
    made = Collector()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def collector(endpoint, request):
    """Comes before the system, which is told of it."""
    endpoint.bodies.clear()
    request.node.add_marker(pytest.mark.system(env={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.endpoint}))
    return endpoint


def of_room(spans, room):
    return [one for one in spans if one.said["antre.room"] == room]


def names(spans):
    return [one.name for one in spans]


def tell(antre, room, **headers):
    """The webhook of a customer who waits, from a caller with such headers."""
    app = next(iter(antre.apps))
    body = {"app_id": app, "room_id": room, "source": "wa", "name": "Jane", "email": "jane@example.com"}
    address = antre.webhook(app, "allocate-agent")
    assert httpx.post(address, json=body, headers=headers, trust_env=False).status_code == 200


def test_one_trace_shows_webhook_durable_recorded_reserved_assigned(antre, collector):
    (room,) = antre.customers(1)
    spans = of_room(collector.must_see(lambda seen: set(names(of_room(seen, room))) >= WAY), room)
    assert {one.trace for one in spans} == {spans[0].trace}
    by_name = {one.name: one for one in spans}
    webhook, assigned = by_name["webhook"], by_name["assigned"]
    assert webhook.parent == ""
    assert {one.parent for one in spans} == {"", webhook.span}
    assert {one.service for one in spans} == {"antre-webhook-gateway", "antre-allocator"}
    assert assigned.said["antre.outcome"] == "done"
    assert assigned.said["antre.agent"] in antre.agents
    assert webhook.said == {"antre.app": "sim-app1", "antre.room": room, "antre.outcome": "accepted"}
    assert {name for one in spans for name in one.said} <= OF_CUSTOMERS
    assert all(0 < one.began_ns <= one.ended_ns < time.time_ns() for one in spans)
    assert webhook.ended_ns >= by_name["durable"].ended_ns
    assert by_name["reserved"].ended_ns <= assigned.ended_ns


def test_a_callers_trace_is_gone_on_with_and_one_that_it_does_not_keep_is_not(antre, collector):
    first, second = antre.customers(2, send=False)
    tell(antre, first, traceparent=UNSAMPLED)
    tell(antre, second, traceparent=CALLER)
    spans = collector.must_see(lambda seen: set(names(of_room(seen, second))) >= WAY)
    (webhook,) = [one for one in spans if one.name == "webhook"]
    assert f"00-{webhook.trace}-{webhook.parent}-01" == CALLER
    antre.must("the other is served, too", lambda: len(antre.platform.assigned()) == 2)
    time.sleep(1)
    assert of_room(collector.spans(), first) == []
    assert b"Jane" not in b"".join(collector.bodies)
    assert b"jane" not in b"".join(collector.bodies)


def test_the_trace_of_who_waits_outlives_the_leader(antre, collector):
    antre.must("the first policy is in force", lambda: antre.total("antre_policy_version") == 1)
    antre.set_policy("capacity: {default: 0}\n")
    antre.must("nobody has a slot", lambda: antre.total("antre_policy_version") == 2)
    (room,) = antre.customers(1)
    before = of_room(collector.must_see(lambda seen: "waits" in names(of_room(seen, room))), room)
    assert [one.said["antre.reason"] for one in before if one.name == "waits"] == ["all_at_capacity"]
    leader = antre.leader()
    antre.kill(leader)
    antre.set_policy(antre.shape.policy)
    antre.leader(other_than=leader)
    after = of_room(collector.must_see(lambda seen: "assigned" in names(of_room(seen, room))), room)
    assert {one.trace for one in after} == {before[0].trace}


def test_a_collector_that_says_nothing_holds_up_no_customer_and_no_end(antre, collector):
    collector.stalls = True
    try:
        rooms = antre.customers(5)
        antre.must_serve(len(rooms), since=0.0)
        for name in antre.parts:
            began = time.monotonic()
            assert antre.running[name].terminate() == 0
            assert time.monotonic() - began < 10
            assert antre.running[name].output.count("traces_not_sent") <= 1
    finally:
        collector.stalls = False
