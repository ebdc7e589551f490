"""Redis waits for its disk, the disk fails or is full, the memory is full; customers come all the while."""

import time
import uuid
from contextlib import nullcontext

import pytest

from one_machine.stores import Valkey
from scenarios.found import QUIET, STAMP_S, must_be_found, unserved
from support.disk import failing_sync, fill, slow_sync, small_disk
from support.system import SLACK_S, SWEEP_S, TTL_S

DELIVERED_S = 2.0
"""After so long there is no answer on its way any more that was given before."""
ELECTED_S = TTL_S + SLACK_S
"""How long it may take after an outage that may have cost somebody the lead."""
MANY = 60
"""More slots than customers who wait: nobody can pass one whose place the sweep knows to the second only."""


@pytest.fixture
def redis_folder(request, store_folder):
    """Where Redis keeps its data; `small`: a file system of so many megabytes."""
    folder = store_folder / f"redis-{uuid.uuid4().hex}"
    with small_disk(folder, request.param) if hasattr(request, "param") else nullcontext(folder):
        yield folder


@pytest.fixture
def redis_server(redis_folder):
    """A Redis of the scenario's own: it ends in ways that leave others nothing to use."""
    server = Valkey(redis_folder / "data", log=redis_folder.with_suffix(".log"))
    yield server.start()
    server.remove()


@pytest.mark.case(24, t_s=3.0)
@pytest.mark.system(simulator=QUIET)
@pytest.mark.parametrize("delay_s", [0.3, 1.5])
def test_redis_is_killed_while_it_waits_for_its_disk(antre, delay_s):
    """With the shorter delay customers are still acknowledged, each after a sync; with the longer nobody is."""
    antre.traffic(5)
    antre.must_serve(10)
    with slow_sync(antre.redis.pid, delay_s):
        slow_since = time.time()
        antre.must("webhooks meet the slow disk", lambda: len(_answers(antre, slow_since)) >= 10)
        antre.redis.kill()
    killed_at = time.time()
    antre.must("five webhooks refused", lambda: _refused(antre, killed_at) >= 5)
    antre.redis.start()
    antre.must_progress(time.time())
    antre.must_serve(10)
    antre.must_come_to_rest()


@pytest.mark.case(25)
@pytest.mark.system(simulator=QUIET)
def test_the_disk_of_redis_fails(antre):
    """Redis cannot keep its promise any more, and ends itself rather than break it; nothing is answered 200."""
    antre.traffic(5)
    antre.must_serve(10)
    with failing_sync(antre.redis.pid):
        antre.must("Redis ends itself", lambda: not antre.redis.is_running)
    failed_at = time.time()
    antre.must("five webhooks refused", lambda: _refused(antre, failed_at) >= 5)
    assert not _accepted(antre, failed_at + DELIVERED_S)
    antre.redis.start()
    antre.must_progress(time.time(), within_s=ELECTED_S)
    antre.must_come_to_rest()


@pytest.mark.case(25)
@pytest.mark.system(simulator=QUIET)
@pytest.mark.parametrize("redis_folder", [16], indirect=True, ids=["16 MB"])
def test_the_disk_of_redis_is_full(antre, redis_folder):
    antre.traffic(5)
    antre.must_serve(10)
    ballast = fill(redis_folder)
    antre.must("Redis ends itself", lambda: not antre.redis.is_running)
    full_at = time.time()
    antre.must("five webhooks refused", lambda: _refused(antre, full_at) >= 5)
    assert not _accepted(antre, full_at + DELIVERED_S)
    ballast.unlink()
    antre.redis.start()
    antre.must_progress(time.time(), within_s=ELECTED_S)
    antre.must_come_to_rest()


@pytest.mark.case(29)
@pytest.mark.system(simulator=QUIET)
def test_redis_is_out_of_memory(antre):
    """What is in the inbox is taken out all the same: who leads goes on leading, or the memory would never be free."""
    antre.traffic(5)
    antre.must_serve(10)
    leader, term = antre.leader(), antre.term()
    antre.redis.execute("CONFIG", "SET", "maxmemory", "1")
    full_at = time.time()
    antre.must("a lease would have ended twice", lambda: time.time() > full_at + 2 * TTL_S)
    assert _refused(antre, full_at) >= 20
    assert not _accepted(antre, full_at + DELIVERED_S)
    assert antre.inbox_length() == 0
    assert (antre.leader(), antre.term()) == (leader, term)
    antre.redis.execute("CONFIG", "SET", "maxmemory", "0")
    antre.must_progress(time.time(), within_s=SWEEP_S + SLACK_S)  # a sweep may have to find what was resolved
    antre.must_come_to_rest()


@pytest.mark.case(29)
@pytest.mark.system(simulator=QUIET, agents=MANY)
def test_a_lead_can_be_won_while_redis_is_out_of_memory(antre):
    """The memory is full of customers who wait in the inbox, and only a leader can take them out."""
    antre.traffic(5)
    antre.must_serve(10)
    for name in antre.allocators:
        antre.kill(name)
    antre.must("webhooks wait in the inbox", lambda: antre.inbox_length() >= 20)
    antre.redis.execute("CONFIG", "SET", "maxmemory", "1")
    begun_at = _begin_all(antre)
    antre.must("the inbox is empty", lambda: antre.inbox_length() == 0)
    antre.must_serve(20, since=begun_at)
    antre.redis.execute("CONFIG", "SET", "maxmemory", "0")
    antre.must_come_to_rest()


@pytest.mark.case(29)
@pytest.mark.system(simulator=QUIET)
def test_redis_evicts_what_it_acknowledged(antre):
    """An eviction policy by mistake: who was acknowledged vanishes from the inbox, and the sweep finds them, at
    their place in the backlog of that moment; who was served from the kill until then was not behind them there.
    """
    antre.traffic(5)
    antre.must_serve(10)
    for name in antre.allocators:
        killed_at = antre.kill(name)
    antre.must("webhooks wait in the inbox", lambda: antre.inbox_length() >= 20)
    antre.redis.execute("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    antre.redis.execute("CONFIG", "SET", "maxmemory", "1")
    antre.must("the inbox vanishes", lambda: antre.inbox_length() == 0)
    missed = unserved(antre)
    assert missed, "nobody waits: the scenario shows nothing"
    antre.redis.execute("CONFIG", "SET", "maxmemory", "0")
    must_be_found(antre, missed, since=_begin_all(antre))
    antre.must_come_to_rest(tolerance_s=time.time() - killed_at + STAMP_S)


def _begin_all(antre):
    """Start all allocators; returns when one of them leads, and when they were told to start."""
    begun_at = time.time()
    for name in antre.allocators:
        antre.begin(name)
    antre.leader()
    return begun_at


def _answers(antre, since):
    return list(antre.platform.of_kind("webhook_answered", since))


def _accepted(antre, since):
    return [one for one in _answers(antre, since) if one.get("status", 0) == 200]


def _refused(antre, since):
    return sum(1 for one in _answers(antre, since) if one.get("status", 0) != 200)
