"""Terms that a failover forgets: a standby that missed the last commits gives their numbers out again."""

from datetime import UTC, datetime

import asyncpg
import pytest

from allocator.adapters.postgres import PostgresLedger
from allocator.core.ids import AppId
from allocator.ports import StaleTerm

APP = AppId("demo")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
async def ledgers(schema_url):
    """The ledgers of two processes."""
    made = PostgresLedger(schema_url, 3.0), PostgresLedger(schema_url, 3.0)
    yield made
    for ledger in made:
        await ledger.close()


async def fail_over(url, to_epoch):
    """What a standby shows that has the term `to_epoch`, and nothing later."""
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE term SET epoch = $1, leader = 'earlier'", to_epoch)
    await connection.close()


async def test_a_past_leader_does_not_share_the_number_that_another_was_given_again(ledgers, schema_url):
    past, present = ledgers
    lost = await past.begin_term("past")
    await fail_over(schema_url, lost - 1)
    again = await present.begin_term("present")
    assert again == lost
    with pytest.raises(StaleTerm):
        async with past.transaction(lost):
            pytest.fail("two lead by one number")
    async with present.transaction(again) as tx:
        assert await tx.unsettled([]) == []


async def test_whose_term_was_lost_goes_on_in_a_new_one_of_the_same_number(ledgers, schema_url):
    ledger, _ = ledgers
    lost = await ledger.begin_term("a")
    await fail_over(schema_url, lost - 1)
    with pytest.raises(StaleTerm):
        async with ledger.transaction(lost):
            pytest.fail("its term is not there")
    again = await ledger.begin_term("a")
    async with ledger.transaction(again) as tx:
        assert await tx.unsettled([]) == []


async def test_a_policy_that_was_lost_is_not_taken_for_the_one_that_has_its_number_now(ledgers, schema_url):
    ledger, _ = ledgers
    epoch = await ledger.begin_term("a")
    assert await _policy_in_force(ledger, epoch, capacity=3) == 3
    await fail_over(schema_url, epoch - 1)
    await _forget_policies(schema_url)
    epoch = await ledger.begin_term("a")
    assert await _policy_in_force(ledger, epoch, capacity=2) == 2


async def _policy_in_force(ledger, epoch, *, capacity):
    async with ledger.transaction(epoch) as tx:
        await tx.put_policy(APP, {"capacity": {"default": capacity}}, NOON)
        return (await tx.survey(APP, NOON, 0)).policy.default_capacity


async def _forget_policies(url):
    connection = await asyncpg.connect(url)
    await connection.execute("DELETE FROM policy")
    await connection.close()
