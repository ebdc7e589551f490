"""Policies in a real Postgres: where they come from, which is in force, and who else gives some at the same time."""

import asyncio
from datetime import UTC, datetime

import pytest
from integration.allocator.asked import ask

from allocator.adapters.postgres import PostgresLedger
from allocator.adapters.postgres_policies import PostgresPolicies
from allocator.core.claims import EVERY_APP, PolicyGiven
from allocator.core.ids import AppId

A, B = AppId("app-a"), AppId("app-b")
NOW = datetime.now(UTC)
PAUSED = {"paused": True}


@pytest.fixture
async def ledger(schema_url):
    made = PostgresLedger(schema_url, 3.0)
    yield made
    await made.close()


@pytest.fixture
async def epoch(ledger):
    return await ledger.begin_term("a")


@pytest.fixture
async def store(schema_url):
    made = PostgresPolicies(schema_url, 3.0)
    yield made
    await made.close()


def given(app, row, *, withdrawn=False, name="one"):
    return PolicyGiven(app=app, row=row, source=f"team/{name}", uid=name, generation=1, withdrawn=withdrawn)


async def in_force(ledger, epoch, app):
    async with ledger.transaction(epoch) as tx:
        return (await tx.survey(app, NOW, 0)).policy


async def test_the_policy_for_every_app_counts_where_an_app_has_none_of_its_own(ledger, epoch, store):
    await store.put([given(EVERY_APP, PAUSED), given(A, {"capacity": {"default": 5}})], NOW)
    own, other = await in_force(ledger, epoch, A), await in_force(ledger, epoch, B)
    assert (own.paused, own.default_capacity, other.paused) == (False, 5, True)


async def test_withdrawn_it_gives_way_to_the_next_and_at_last_to_the_standard(ledger, epoch, store):
    await store.put([given(EVERY_APP, PAUSED), given(A, {"capacity": {"default": 5}})], NOW)
    await in_force(ledger, epoch, A)
    await store.put([given(A, {}, withdrawn=True)], NOW)
    assert (await in_force(ledger, epoch, A)).paused
    await store.put([given(EVERY_APP, {}, withdrawn=True)], NOW)
    assert (await in_force(ledger, epoch, A)).version == 0


async def test_what_was_never_given_is_not_withdrawn_and_the_same_is_not_given_again(store):
    assert await store.put([given(A, {}, withdrawn=True)], NOW) == {}
    first = await store.put([given(A, PAUSED)], NOW)
    assert await store.put([given(A, PAUSED)], NOW) == first
    assert [(row.version, row.source, row.uid, row.withdrawn) for row in await store.kept()] == [
        (1, "team/one", "one", False)
    ]


async def test_from_a_file_or_an_object_the_same_spec_is_the_same_row(ledger, epoch, store, schema_url):
    row = {"strategy": ["sticky", "leastLoaded"], "capacity": {"default": 3}}
    async with ledger.transaction(epoch) as tx:
        await tx.put_policy(A, row, NOW)
    await store.put([given(B, dict(reversed(row.items())))], NOW)
    async with store._engine.connect() as connection:
        rows = (await connection.exec_driver_sql("SELECT spec::text, digest FROM policy")).all()
    assert len(rows) == 2
    assert rows[0] == rows[1]


async def test_who_give_at_the_same_time_are_given_different_versions(ledger, epoch, store, schema_url):
    others = [PostgresPolicies(schema_url, 3.0) for _ in range(3)]

    async def gives(one, app):
        return [(await one.put([given(app, {"capacity": {"default": number}})], NOW))[app] for number in range(1, 9)]

    async def leads():
        found = []
        for number in range(1, 9):
            async with ledger.transaction(epoch) as tx:
                found.append(await tx.put_policy(B, {"capacity": {"default": number}}, NOW))
        return found

    found = await asyncio.gather(leads(), *(gives(one, AppId(f"app-{n}")) for n, one in enumerate(others)))
    for one in others:
        await one.close()
    numbers = [number for versions in found for number in versions]
    assert len(set(numbers)) == len(numbers) == 32


async def test_the_leader_says_which_it_uses_and_people_see_it(ledger, epoch, store, schema_url, redis_url):
    await store.put([given(EVERY_APP, PAUSED, name="all")], NOW)
    async with ledger.transaction(epoch) as tx:
        assert (await tx.news({A: 0, B: 1})).policies == [A]
        await tx.use_policy(A, 1, NOW)
    assert await store.in_use() == {A: 1}
    said = await ask((schema_url, redis_url), "policy", "show", A)
    assert (said.status, "version 1, from team/all, since" in said.out, "paused: true" in said.out) == (0, True, True)
