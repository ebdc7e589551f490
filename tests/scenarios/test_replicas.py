"""Redis fails over to a replica that missed the last writes, or splits in two that both accept.

Replication is asynchronous, so acknowledged webhooks are lost by nature. What is promised is that their customers are
found again by the sweep: at the place in the backlog that they have then, so whoever was served meanwhile was not
behind them there (hence the tolerance in the order: the time from the first loss until all were found).
"""

import time
import uuid

import pytest

from scenarios.found import AGREED_S, QUIET, STAMP_S, must_be_found, unserved
from support.replicas import valkey_service
from support.system import TTL_S


@pytest.fixture
def redis_server(store_folder):
    """A primary and a replica behind one address."""
    service = valkey_service(store_folder / f"valkeys-{uuid.uuid4().hex}")
    yield service
    service.remove()


@pytest.mark.case(26, t_s=AGREED_S)
@pytest.mark.system(simulator=QUIET, allocators=1)
def test_redis_fails_over_to_a_replica_without_the_last_webhooks(antre):
    """The replica misses entries that were acknowledged, and deletions of entries that were recorded."""
    antre.traffic(5)
    antre.must_serve(10)
    _no_more_reaches_the_replica(antre)
    antre.must_serve(5)
    killed_at = antre.kill("allocator-1")
    antre.must("webhooks wait in the inbox", lambda: antre.inbox_length() >= 10)
    missed = unserved(antre)
    assert missed, "nobody waits: the scenario shows nothing"
    _fail_over(antre)
    antre.begin("allocator-1")
    antre.leader()
    must_be_found(antre, missed, since=killed_at)
    antre.must_come_to_rest(tolerance_s=time.time() - killed_at + STAMP_S)


@pytest.mark.case(26, t_s=AGREED_S)
@pytest.mark.system(simulator=QUIET)
@pytest.mark.parametrize("lease", ["older", "gone"])
def test_redis_fails_over_under_a_leader(antre, lease):
    """The replica has the leader's lease with an older counter, or none: then the other may win one at once."""
    antre.traffic(5)
    antre.must_serve(10)
    _no_more_reaches_the_replica(antre)
    antre.must_serve(10)
    if lease == "gone":
        antre.redis.follower.execute("REPLICAOF", "NO", "ONE")
        antre.redis.follower.execute("DEL", antre.keys.lease)
    failed_at = time.time()
    _fail_over(antre)
    missed = unserved(antre)
    antre.must_progress(time.time())
    must_be_found(antre, missed, since=failed_at)
    found_s = time.time() - failed_at
    antre.must_serve(10)
    antre.must_come_to_rest(tolerance_s=found_s + STAMP_S)


@pytest.mark.case(27, t_s=AGREED_S)
@pytest.mark.system(simulator=QUIET, proxied=True)
@pytest.mark.parametrize("alone", ["gateway", "gateway and leader", "leader"])
def test_the_old_primary_still_accepts(antre, alone):
    """For twice the lease's time. Each side has a lease of its own, so two believe that they lead; the term in
    Postgres decides. What the old primary accepted and nobody took out is gone when it is taken away.
    """
    antre.traffic(5)
    antre.must_serve(10)
    leader = antre.leader()
    new_side = _split(antre, leader, alone)
    split_at = time.time()
    antre.must("they were apart", lambda: time.time() > split_at + 2 * TTL_S)
    antre.redis.leads_to(antre.redis.follower, *new_side)
    repaired_at, missed = time.time(), unserved(antre)
    assert missed or alone != "gateway", "nobody waits: the scenario shows nothing"
    antre.redis.old.kill()
    antre.redis.leads_to(antre.redis.follower)
    antre.must_progress(repaired_at)
    must_be_found(antre, missed, since=repaired_at)
    found_s = time.time() - split_at
    antre.must_serve(10)
    antre.must_come_to_rest(tolerance_s=found_s + STAMP_S)


def _no_more_reaches_the_replica(antre):
    antre.redis.until_in_step()
    antre.redis.link.fall_silent()


def _fail_over(antre):
    antre.redis.primary.kill()
    antre.redis.promote()
    antre.redis.leads_to(antre.redis.follower)
    antre.redis.link.mend()


def _split(antre, leader, alone):
    """The replica becomes a primary as well; the doors of those who are not left alone lead to it."""
    doors = {name: antre.parts[name].proxies["redis"] for name in antre.allocators}
    antre.redis.also_by(*doors.values())
    antre.redis.link.fall_silent()
    antre.redis.promote()
    new = [door for name, door in doors.items() if name != leader or "leader" not in alone]
    new += [] if "gateway" in alone else [antre.redis.door]
    antre.redis.leads_to(antre.redis.follower, *new)
    return new
