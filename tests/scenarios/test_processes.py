"""Our own processes are killed, paused and replaced while customers come."""

import time
from itertools import pairwise

import pytest

from scenarios.found import QUIET
from support.system import SLACK_S, TTL_S


@pytest.mark.representative("without faults all the figures are what they should be")
@pytest.mark.case
def test_a_day_without_faults(antre):
    antre.traffic(12)
    antre.must_serve(50, within_s=30)
    verdict = antre.must_come_to_rest()
    assert verdict["wait_p50_s"] < 1.0


@pytest.mark.case
@pytest.mark.system(apps=3, agents=4)
def test_several_apps_do_not_meet(antre):
    antre.traffic(5)
    antre.must_serve(60, within_s=30)
    antre.must_come_to_rest()
    served = {entry["app"] for entry in antre.platform.assigned()}
    assert served == set(antre.apps)


@pytest.mark.representative("recovery of what a dead leader left reserved")
@pytest.mark.case(9, t_s=TTL_S + 1)
def test_the_leader_is_killed_twice(antre):
    antre.traffic(10)
    for _ in range(2):
        antre.must_serve(10)
        leader = antre.leader()
        killed_at = antre.kill(leader)
        antre.leader(other_than=leader)
        antre.must_progress(time.time(), repaired_at=killed_at)
        antre.begin(leader)
        antre.until_ready(leader)
    antre.must_come_to_rest()


@pytest.mark.case
def test_the_leader_hands_over_in_good_order(antre):
    antre.traffic(15)
    antre.must_serve(15)
    leader = antre.leader()
    told_at = time.time()
    assert antre.running[leader].terminate() == 0
    antre.leader(other_than=leader)
    antre.must_progress(told_at + 0.05, repaired_at=told_at, within_s=1 + SLACK_S)
    antre.must_serve(20)
    calls = [entry["at"] for entry in antre.platform.of_kind("call", told_at - 2) if entry["what"] == "assign_agent"]
    antre.measured["longest pause"] = max(after - before for before, after in pairwise(calls))
    assert antre.measured["longest pause"] < 1 + SLACK_S
    antre.must_come_to_rest()


@pytest.mark.case
@pytest.mark.system(simulator=QUIET)
def test_webhooks_that_a_dead_gateway_refused_are_found_by_the_sweep(antre):
    antre.traffic(8)
    antre.must_serve(10)
    antre.kill("gateway-1")
    refused_since = time.time()
    antre.must("ten webhooks refused", lambda: _unanswered(antre, refused_since) >= 10)
    antre.begin("gateway-1")
    antre.until_ready("gateway-1")
    antre.must_serve(10)
    antre.must_come_to_rest()


def _unanswered(antre, since):
    answers = antre.platform.of_kind("webhook_answered", since)
    return sum(1 for answer in answers if answer.get("status", 0) == 0 and answer["what"] == "allocate")
