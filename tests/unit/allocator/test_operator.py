"""The operator's loop, on a cluster and a store in memory."""

import asyncio
from dataclasses import replace

import pytest
from unit.allocator.making import NOON
from unit.allocator.test_claims import A, object_of

from allocator.core.claims import PolicyKept
from allocator.operator import SOON_S, Operator
from allocator.ports import Unavailable


class Cluster:
    """Objects, and what was said to them."""

    def __init__(self):
        self.objects, self.said, self.away = {}, [], None

    def apply(self, one):
        self.objects[one.uid] = one

    async def all(self):
        if self.away:
            raise Unavailable(self.away)
        return list(self.objects.values())

    async def say(self, one, status, news):
        self.said.append((one.name, [found.reason for found in news]))
        self.objects[one.uid] = replace(one, status=status)


class Store:
    """Rows, as Postgres keeps them; ``used`` is what the leader goes by."""

    def __init__(self):
        self.rows, self.used, self.puts, self.away = {}, {}, 0, None

    async def kept(self):
        if self.away:
            raise Unavailable(self.away)
        return [row for row, _ in self.rows.values()]

    async def put(self, given, now):
        assert now.tzinfo is not None
        for one in given:
            row, spec = self.rows.get(one.app, (None, None))
            if row is None or (spec, row.withdrawn, row.uid) != (one.row, one.withdrawn, one.uid):
                self.puts += 1
                kept = PolicyKept(
                    app=one.app,
                    version=self.puts,
                    source=one.source,
                    uid=one.uid,
                    generation=one.generation,
                    withdrawn=one.withdrawn,
                )
                self.rows[one.app] = (kept, one.row)
        return {one.app: self.rows[one.app][0].version for one in given}

    async def in_use(self):
        return self.used


class Watch:
    def __init__(self):
        self.counts, self.well, self.looked = {}, [], asyncio.Event()

    def objects(self, counts):
        self.counts = counts

    def reconciled(self, seconds, *, well):
        assert seconds >= 0
        self.well.append(well)
        self.looked.set()

    async def until(self, *, well):
        async with asyncio.timeout(5):
            while not self.well or self.well[-1] is not well:
                self.looked.clear()
                await self.looked.wait()


class Clock:
    def now(self):
        return asyncio.get_running_loop().time()

    def wall(self):
        return NOON

    async def sleep(self, seconds):
        await asyncio.sleep(seconds / 100)


@pytest.fixture
def cluster():
    return Cluster()


@pytest.fixture
def store():
    return Store()


@pytest.fixture
async def watch():
    return Watch()


@pytest.fixture
async def operator(cluster, store, watch):
    return Operator(cluster, store, Clock(), watch)


def live(cluster, name):
    conditions = cluster.objects[f"uid-{name}"].status["conditions"]
    return {found["type"]: found["status"] for found in conditions}["Live"]


async def test_an_object_becomes_a_row_and_is_live_when_the_allocator_goes_by_it(operator, cluster, store):
    cluster.apply(object_of("one", {"apps": [A]}))
    store.used = {A: 0}
    assert await operator.reconcile() is True
    assert live(cluster, "one") == "False"
    store.used = {A: 1}
    assert await operator.reconcile() is False
    assert live(cluster, "one") == "True"


async def test_looking_again_changes_and_says_nothing(operator, cluster, store):
    cluster.apply(object_of("one", {"apps": [A]}))
    store.used = {A: 1}
    await operator.reconcile()
    said = len(cluster.said)
    for _ in range(3):
        await operator.reconcile()
    assert (store.puts, len(cluster.said)) == (1, said)


async def test_another_process_of_it_finds_all_as_it_should_be(operator, cluster, store):
    cluster.apply(object_of("one", {"apps": [A]}))
    store.used = {A: 1}
    await operator.reconcile()
    said = len(cluster.said)
    await Operator(cluster, store, Clock(), Watch()).reconcile()
    assert (store.puts, len(cluster.said)) == (1, said)


async def test_deleted_while_nobody_looked_it_is_withdrawn(operator, cluster, store):
    cluster.apply(object_of("one", {"apps": [A]}))
    await operator.reconcile()
    cluster.objects.clear()
    await operator.reconcile()
    assert store.rows[A][0].withdrawn


@pytest.mark.parametrize("away", ["cluster", "store"])
async def test_what_is_away_is_tried_again_and_shows_in_readiness(operator, cluster, store, watch, away):
    part = {"cluster": cluster, "store": store}[away]
    part.away = "not there"
    working = asyncio.create_task(operator.run())
    try:
        await watch.until(well=False)
        assert operator.failing == "not there"
        cluster.apply(object_of("one", {"apps": [A]}))
        part.away = None
        operator.wake()
        await watch.until(well=True)
        assert operator.failing is None
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert cluster.said


async def test_what_fails_after_a_quiet_time_is_tried_again_soon(operator, cluster, watch, monkeypatch):
    monkeypatch.setattr("allocator.operator.SELDOM_S", 1.0)
    working = asyncio.create_task(operator.run())
    try:
        await watch.until(well=True)
        assert operator.looks_in_s == 1.0
        cluster.away = "not there"
        await watch.until(well=False)
        assert operator.looks_in_s == SOON_S
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_one_whose_status_cannot_be_written_keeps_no_other_waiting(operator, cluster, store):
    say = cluster.say

    async def refuses(one, status, news):
        if one.name == "one":
            raise Unavailable("HTTP 500")
        await asyncio.sleep(0.05)
        await say(one, status, news)

    cluster.say = refuses
    for name in ("one", "two"):
        cluster.apply(object_of(name, {"apps": [name]}))
    with pytest.raises(Unavailable):
        await operator.reconcile()
    assert [name for name, _ in cluster.said] == ["two"]
