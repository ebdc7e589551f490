"""Who leads, when replies get lost, processes start and end at once, and the lease does odd things."""

import time

import pytest

from support.ledger import read_ledger
from support.logs import said
from support.system import TTL_S

ROUNDS, ROUNDS_LONG = 6, 100
IN_FLIGHT = 64
"""As many calls as an allocator has under way at most."""


@pytest.mark.timeout(900)
@pytest.mark.case(14, t_s=1.0)
def test_two_allocators_start_at_once(antre, is_long):
    antre.traffic(5)
    for _ in range(ROUNDS_LONG if is_long else ROUNDS):
        _start_both_at_once(antre)
        since = min(said(antre.running[name], "started")[-1] for name in antre.allocators)
        antre.must_progress(since)
        antre.must_serve(3)
    antre.measure("elections", sum(len(said(antre.running[name], "leading")) for name in antre.allocators))
    antre.must_come_to_rest()


@pytest.mark.representative("hand-over in good order, with calls under way")
@pytest.mark.case(15, t_s=0.25)
@pytest.mark.system(agents=120, simulator={"returning_share": "0"})
def test_the_leader_is_told_to_leave_with_64_calls_in_flight(antre):
    antre.traffic(10)
    antre.must_serve(10)
    antre.faults(latency_s=[0.3, 0.4])  # longer than a leader waits for them; well within the time-out of a call
    antre.platform.each("service", service_s=None)  # or the ends of conversations would tell what became of the calls
    antre.traffic(2)
    antre.customers(150)
    antre.must("64 calls are in flight", lambda: len(_in_flight(antre)) >= IN_FLIGHT)
    leader, told_at = antre.leader(), time.time()
    antre.measure("in flight", len(_in_flight(antre)))
    assert antre.running[leader].terminate() == 0
    antre.must("the next one calls", lambda: _assigns(antre, _led_since(antre, leader)))
    antre.measure("T", _assigns(antre, _led_since(antre, leader))[0]["at"] - told_at)
    assert antre.measured["T"] < antre.bound_s
    antre.must_serve(50, within_s=60)  # a busy machine makes calls of 0.4 s too long
    antre.traffic(0)
    antre.must("all are settled", lambda: _states(antre) == {"assigned"})
    antre.must_come_to_rest()


@pytest.mark.case(16, t_s=2.0)
@pytest.mark.system(proxied=True)
def test_the_leader_renews_and_never_hears_of_it(antre):
    antre.traffic(10)
    antre.must_serve(10)
    leader = antre.leader()
    proxy = antre.parts[leader].proxies["redis"]
    proxy.lose_replies_to(antre.keys.lease.encode())
    antre.leader(other_than=leader)
    proxy.mend()
    antre.must_progress(time.time())
    assert proxy.lost > 1
    antre.must_come_to_rest()


@pytest.mark.case(16, t_s=2.0)
@pytest.mark.system(proxied=True)
def test_the_reply_to_one_renewal_is_lost_and_nobody_notices(antre):
    antre.traffic(10)
    antre.must_serve(10)
    term, proxy = antre.term(), antre.parts[antre.leader()].proxies["redis"]
    for _ in range(3):
        lost = proxy.lost
        proxy.lose_replies_to(antre.keys.lease.encode(), times=1)
        antre.must("a reply is lost", lambda: proxy.lost > lost)  # noqa: B023 - called at once
        antre.must_progress(time.time())
    lost_at = time.time()
    antre.must("the lease would have run out", lambda: time.time() > lost_at + TTL_S)
    assert antre.term() == term
    antre.must_come_to_rest()


@pytest.mark.case(17, t_s=2.0)
@pytest.mark.system(proxied=True)
def test_the_lease_is_acquired_and_the_reply_is_lost(antre):
    antre.traffic(10)
    antre.must_serve(10)
    leader = antre.leader()
    (other,) = set(antre.allocators) - {leader}
    proxy = antre.parts[other].proxies["redis"]
    proxy.lose_replies_to(antre.keys.lease.encode())
    antre.kill(leader)
    antre.must("it has the lease", lambda: f"-{antre.running[other].pid}-" in _holder(antre))
    assert antre.platform.assigned(time.time()) == []
    proxy.mend()
    antre.must_progress(time.time())
    antre.begin(leader)
    antre.must_come_to_rest()


@pytest.mark.case(18, t_s=TTL_S)
def test_the_lease_vanishes(antre):
    antre.traffic(10)
    for _ in range(3):
        antre.must_serve(5)
        term = antre.term()
        antre.redis.execute("DEL", antre.keys.lease)
        deleted_at = time.time()
        antre.must("a new term begins", lambda: antre.term() > term)  # noqa: B023 - called at once
        antre.must_progress(time.time(), repaired_at=deleted_at)
    antre.must_come_to_rest()


@pytest.mark.case(19, t_s=2 * TTL_S + 1)
def test_the_lease_does_not_expire_and_its_holder_is_dead(antre):
    antre.traffic(5)
    antre.must_serve(5)
    leader = antre.leader()
    killed_at = antre.kill(leader)
    antre.redis.execute("PEXPIRE", antre.keys.lease, "3600000")
    antre.leader(other_than=leader)
    antre.must_progress(killed_at + 0.2, repaired_at=killed_at)
    antre.must_come_to_rest()


def _start_both_at_once(antre):
    for name in antre.allocators:
        antre.kill(name)
    antre.redis.execute("DEL", antre.keys.lease)
    before = {name: len(said(antre.running[name], "started")) for name in antre.allocators}
    for name in antre.allocators:
        antre.begin(name)
    antre.must(
        "both have started", lambda: all(len(said(antre.running[one], "started")) > before[one] for one in before)
    )


def _states(antre):
    return {row["state"] for row in read_ledger(antre.database_url).open}


def _in_flight(antre):
    answered = {answer["number"] for answer in antre.platform.of_kind("answer")}
    return [call for call in _assigns(antre, 0.0) if call["number"] not in answered]


def _assigns(antre, since):
    return [call for call in antre.platform.of_kind("call", since) if call["what"] == "assign_agent"]


def _led_since(antre, leader):
    """When somebody else than the one who left began to lead; never, until then."""
    return max(
        (at for name in antre.allocators if name != leader for at in said(antre.running[name], "leading")), default=1e12
    )


def _holder(antre):
    return antre.redis.execute("GET", antre.keys.lease).decode()
