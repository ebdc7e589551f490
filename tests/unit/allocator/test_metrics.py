"""What the allocator's page says, to whom, and how long it can become."""

from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import generate_latest
from unit.allocator.making import NOON, waiting

from allocator.adapters.metrics import Metrics
from allocator.core import outcomes as o
from allocator.core.ids import AppId, Epoch
from allocator.core.reasons import WaitReason
from allocator.core.session import State
from allocator.ports import Outlook, Queue, Standing
from one_machine import metrics as pages

OUTCOMES = (o.Done(), o.SomebodyThere(), o.AlreadyOver(), o.AgentRefused("a"), o.RoomRefused("a"), o.NotSent())
FAILURES = (o.CredentialsRefused(), o.NotNow(1.0), o.Unknown("a"))
KINDS = (
    "webhook_missed",
    "agent_removed",
    "resolve_missed",
    "taken_over",
    "served_by_another",
    "reservation_forgotten",
)
SERIES_AN_APP = 220


def standing(count):
    return Standing(
        waiting={},
        not_in_turn=0,
        oldest=NOON,
        slots_used=count,
        states={"waiting": count, "doubt": 1},
        oldest_doubt=NOON - timedelta(seconds=30),
        parked=2,
    )


OUTLOOK = Outlook(slots=9, foreign=1, agents_online=3, policy=4, circuit=2, calls={"assign": 1, "view": 0})


def tell(metrics, app, count=5):
    """All that can be told of an app."""
    reasons = dict.fromkeys(WaitReason, count)
    metrics.stands(app, standing(count), reasons, OUTLOOK, NOON)
    metrics.queue(app, Queue(length=3, head=NOON - timedelta(seconds=7)), NOON)
    metrics.fair(app, 0.9, 1.0)


def work(metrics, app):
    """All that can be counted of an app."""
    served = {"agent": 1, "slot": 1, "assigned_at": NOON, "reserved_at": NOON}
    sessions = [replace(waiting(1, since=NOON), app=app, state=State.ASSIGNED, **served)]
    sessions.extend(
        replace(waiting(2, since=NOON), app=app, state=state, agent=1, ended_at=NOON)
        for state in (State.RESOLVED, State.WITHDRAWN, State.PARKED)
    )
    metrics.round(0.01, [], sessions, [])
    for call in ("assign", "view", "roster", "sweep"):
        for outcome in (*OUTCOMES, *FAILURES) if call == "assign" else FAILURES:
            metrics.called(app, call, outcome, 0.1)
    for kind in KINDS:
        metrics.drift(app, kind)
    metrics.put_aside(app)


def page(metrics):
    return pages.parse(generate_latest(metrics.registry).decode())


@pytest.fixture
def leader():
    metrics = Metrics("1.0")
    metrics.led(Epoch(3))
    return metrics


def test_a_hundred_apps_fit_on_a_page(leader):
    before = len(page(leader))
    for number in range(100):
        tell(leader, AppId(f"app-{number}"))
        work(leader, AppId(f"app-{number}"))
    assert len(page(leader)) - before < 100 * SERIES_AN_APP


def test_only_who_leads_tells_of_the_system(leader):
    tell(leader, AppId("demo"))
    assert pages.total(page(leader), "antre_slots_used") == 5
    leader.led(None)
    leader.trust_left = lambda: 0.0
    assert not any(one.name in ("antre_slots_used", "antre_waiting", "antre_inbox_events") for one in page(leader))
    assert pages.total(page(leader), "antre_leader") == 0


def test_who_was_stopped_and_goes_on_tells_nothing_of_a_system_that_another_leads(leader):
    tell(leader, AppId("demo"))
    leader.trust_left = lambda: -0.1
    assert not any(one.name in ("antre_slots_used", "antre_inbox_events") for one in page(leader))
    assert (pages.total(page(leader), "antre_leader"), pages.total(page(leader), "antre_lease_trust_seconds")) == (0, 0)


def test_through_a_change_of_leader_the_sum_over_the_replicas_is_right():
    one, two = Metrics("1.0"), Metrics("1.0")
    app, sums, work_done = AppId("demo"), [], []

    def scrape():
        both = [*page(one), *page(two)]
        sums.append((pages.total(both, "antre_leader"), pages.total(both, "antre_slots_used")))
        work_done.append(pages.total(both, "antre_drift_repaired_total"))

    one.led(Epoch(1))
    tell(one, app)
    work(one, app)
    scrape()
    one.trust_left = lambda: 0.0  # the lease runs out before anybody else can have it
    scrape()
    two.led(Epoch(2))
    tell(two, app)
    work(two, app)
    scrape()
    one.led(None)
    scrape()
    assert sums == [(1, 5), (0, 0), (1, 5), (1, 5)]
    assert work_done == [6, 6, 12, 12]
    assert pages.total([*page(one), *page(two)], "antre_leader_changes_total") == 2


def test_who_has_the_lease_tells_of_the_inbox_also_without_a_term():
    metrics = Metrics("1.0")
    metrics.trust_left = lambda: 8.0
    metrics.queue(AppId("demo"), Queue(length=3, head=NOON), NOON)
    assert pages.total(page(metrics), "antre_inbox_events") == 3
    assert (pages.total(page(metrics), "antre_leader"), pages.total(page(metrics), "antre_lease_trust_seconds")) == (
        0,
        8,
    )


def test_a_new_term_of_the_same_leader_is_no_change(leader):
    leader.led(Epoch(4))
    assert pages.total(page(leader), "antre_leader_changes_total") == 1


def test_figures_of_an_app(leader):
    tell(leader, AppId("demo"))
    found = {one.name: one.value for one in page(leader) if one.labels == {"app": "demo"}}
    expected = {
        "antre_oldest_doubt_seconds": 30,
        "antre_sessions_parked": 2,
        "antre_slots_held_in_doubt": 1,
        "antre_slots": 9,
        "antre_agents_online": 3,
        "antre_policy_version": 4,
        "antre_platform_circuit": 2,
        "antre_inbox_events": 3,
        "antre_inbox_head_age_seconds": 7,
    }
    assert {name: found[name] for name in expected} == expected


def test_a_reason_that_nobody_has_any_more_is_nought(leader):
    app = AppId("demo")
    tell(leader, app)
    leader.stands(app, standing(0), {}, OUTLOOK, NOON)
    assert pages.by_label(page(leader), "antre_waiting", "reason") == {}


def test_what_alerts_look_at_is_there_before_the_first_one():
    metrics = Metrics("1.0")
    metrics.expect([AppId("demo")])
    assert {one.labels["kind"] for one in page(metrics) if one.name == "antre_drift_repaired_total"} == set(KINDS)


def test_statements_are_counted_by_the_ledger(leader):
    leader.statements = lambda: 42
    assert pages.total(page(leader), "antre_round_statements_total") == 42
