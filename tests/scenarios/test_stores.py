"""Redis and Postgres are killed, emptied, cut off and come back while customers come."""

import time

import pytest

from scenarios.found import QUIET
from support.system import SWEEP_S, TTL_S


@pytest.mark.representative("a 200 is durable")
@pytest.mark.case(23, t_s=3.0)
@pytest.mark.system(simulator=QUIET, allocators=1)
def test_redis_is_killed_and_comes_back(antre):
    antre.traffic(10)
    antre.must_serve(10)
    antre.redis.kill()
    killed_at = time.time()
    antre.must("five webhooks refused", lambda: _refused(antre, killed_at) >= 5)
    antre.redis.start()
    antre.must_progress(time.time())
    antre.must_serve(10)
    antre.must_come_to_rest()


@pytest.mark.representative("the sweep finds whom nobody told of")
@pytest.mark.case(28, t_s=SWEEP_S + 5)
@pytest.mark.system(simulator=QUIET)
def test_redis_loses_everything_it_had(antre):
    """While nobody leads, so that there is something to lose. Who was lost from the inbox is found by the sweep, at
    the place in the order that it has in the backlog then; those who were served meanwhile were not behind it there.
    """
    antre.traffic(10)
    antre.must_serve(10)
    leader = antre.leader()
    antre.kill(leader)
    antre.must("webhooks wait in the inbox", lambda: antre.inbox_length() >= 10)
    antre.redis.execute("FLUSHALL")
    antre.must_progress(time.time())
    antre.begin(leader)
    antre.must_come_to_rest(tolerance_s=TTL_S + SWEEP_S + 5)


@pytest.mark.case(42, t_s=1.0)
@pytest.mark.system(allocators=1, simulator={"returning_share": "0"})  # a resolve may be refused with its connection
def test_redis_forgets_its_scripts_and_closes_connections(antre):
    antre.traffic(12)
    for _ in range(3):
        antre.must_serve(8)
        antre.redis.execute("SCRIPT", "FLUSH")
        antre.redis.execute("CLIENT", "KILL", "TYPE", "normal")
        antre.must_progress(time.time())
    antre.must_come_to_rest()


@pytest.mark.representative("a transaction of which nobody can say whether it took effect")
@pytest.mark.case(30, t_s=5.0)
@pytest.mark.system(allocators=1)
def test_postgres_is_shut_down_at_once_and_comes_back(antre):
    antre.traffic(12)
    for _ in range(2):
        antre.must_serve(10)
        antre.postgres.stop_immediately()
        antre.must("webhooks wait in the inbox", lambda: antre.inbox_length() >= 10)
        antre.postgres.start()
        antre.must_progress(time.time())
    assert _refused(antre, 0.0) == 0, "the gateway does not need Postgres"
    antre.must_come_to_rest()


@pytest.mark.representative("trust runs out before anybody else leads")
@pytest.mark.case(20, t_s=TTL_S + 1)
@pytest.mark.system(proxied=True)
def test_the_leader_loses_sight_of_redis_alone(antre):
    antre.traffic(10)
    antre.must_serve(10)
    leader = antre.leader()
    proxy = antre.parts[leader].proxies["redis"]
    proxy.fall_silent()
    cut_at = time.time()
    antre.leader(other_than=leader)
    antre.must_progress(time.time(), repaired_at=cut_at)
    proxy.mend()
    antre.must_serve(10)
    antre.must_come_to_rest()


@pytest.mark.case(21, t_s=3.0)
@pytest.mark.system(proxied=True, allocators=1)
@pytest.mark.parametrize("how", ["cut", "fall_silent"])
def test_the_leader_loses_sight_of_postgres_alone(antre, how):
    antre.traffic(10)
    antre.must_serve(10)
    proxy = antre.parts[antre.leader()].proxies["postgres"]
    getattr(proxy, how)()
    antre.must("webhooks wait in the inbox", lambda: antre.inbox_length() >= 30)
    proxy.mend()
    antre.must_progress(time.time())
    antre.must_come_to_rest()


@pytest.mark.case(21)
@pytest.mark.system(proxied=True)
def test_who_does_not_see_postgres_for_long_lets_another_lead(antre):
    antre.traffic(5)
    antre.must_serve(5)
    leader = antre.leader()
    antre.parts[leader].proxies["postgres"].cut()
    antre.leader(other_than=leader, within_s=25)
    antre.must_serve(10)
    antre.parts[leader].proxies["postgres"].mend()
    antre.must_come_to_rest()


@pytest.mark.case(22, t_s=3.0)
@pytest.mark.system(proxied=True, allocators=1)
def test_the_leader_loses_sight_of_the_platform_alone(antre):
    antre.traffic(10)
    antre.must_serve(10)
    proxy = antre.parts[antre.leader()].proxies["platform"]
    proxy.fall_silent()
    antre.must("twenty customers wait", lambda: antre.platform.waiting() >= 20)
    proxy.mend()
    antre.must_progress(time.time())
    antre.must_come_to_rest()


@pytest.mark.case(39)
@pytest.mark.system(allocators=1)
def test_an_entry_nobody_can_read_is_put_aside(antre):
    app = next(iter(antre.apps))
    stream = antre.keys.inbox(app)
    antre.traffic(10)
    for garbage in (("e", "\x93not msgpack"), ("something", "else"), ("e", "")):
        antre.must_serve(3)
        antre.redis.execute("XADD", stream, "*", *garbage)
    antre.must_serve(10)
    antre.must("all are put aside", lambda: antre.stream_length(antre.keys.put_aside(app)) == 3)
    assert antre.total("antre_events_put_aside_total") == 3
    antre.must_come_to_rest()


def _refused(antre, since):
    answers = antre.platform.of_kind("webhook_answered", since)
    return sum(1 for answer in answers if answer.get("status", 0) != 200)
