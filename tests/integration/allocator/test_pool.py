"""The statements of the ledger go to asyncpg at once: what goes wrong there is told as everywhere, and rolled back."""

import asyncio
import time
from datetime import UTC, datetime

import asyncpg
import pytest

from allocator.adapters.postgres import PostgresLedger
from allocator.core.ids import AppId
from allocator.ports import Conflict, StaleTerm, Unavailable

APP = AppId("sim-direct")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)

END_THE_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
async def ledger(schema_url):
    found = PostgresLedger(schema_url, 1.0)
    yield found
    await found.close()


async def test_what_a_broken_round_wrote_is_gone(ledger):
    epoch = await ledger.begin_term("a")
    with pytest.raises(ZeroDivisionError):
        await _breaks(ledger, epoch)
    async with ledger.transaction(epoch) as tx:
        assert (await tx.survey(APP, NOW, 0)).policy.version == 0


@pytest.mark.parametrize("name", ["it's", "a'; DELETE FROM term; --", '"', "a$1", "%s"])
async def test_a_leader_may_have_any_name(ledger, name):
    epoch = await ledger.begin_term(name)
    async with ledger.transaction(epoch) as tx:
        assert await tx.unsettled([APP]) == []
    ledger._leader = "another"
    with pytest.raises(StaleTerm):
        async with ledger.transaction(epoch):
            pytest.fail("it is not its term")


async def test_a_row_that_contradicts_another_is_a_conflict(ledger):
    epoch = await ledger.begin_term("a")
    with pytest.raises(Conflict):
        async with ledger.transaction(epoch) as tx:
            await tx._run("INSERT INTO term (id, epoch, leader, began_at) VALUES (1, 1, 'b', now())")


async def test_a_statement_that_takes_too_long_is_given_up_once_and_not_again_for_its_rollback(ledger):
    epoch = await ledger.begin_term("a")
    began = time.monotonic()
    with pytest.raises(Unavailable):
        async with ledger.transaction(epoch) as tx:
            await tx._rows("SELECT pg_sleep(30)")
    assert time.monotonic() - began < 10
    async with ledger.transaction(epoch) as tx:
        assert await tx._rows("SELECT 1 AS one")


async def test_a_connection_that_the_server_ends_is_not_used_again(ledger):
    epoch = await ledger.begin_term("a")
    with pytest.raises(Unavailable):
        async with ledger.transaction(epoch) as tx:
            await tx._rows("SELECT pg_terminate_backend(pg_backend_pid())")
    async with ledger.transaction(epoch) as tx:
        (row,) = await tx._rows("SELECT 1 AS one")
        assert row.one == 1
        assert not hasattr(row, "two")


async def test_a_connection_that_ends_between_two_transactions_is_told_once(ledger, schema_url):
    """Another may lead to a server that has lost what was committed: whoever leads has to look."""
    epoch = await ledger.begin_term("a")
    await ledger.ping()
    other = await asyncpg.connect(schema_url)
    await other.execute(END_THE_OTHERS)
    await other.close()
    await asyncio.sleep(0.1)
    with pytest.raises(Unavailable):
        async with ledger.transaction(epoch):
            pytest.fail("nobody was told")
    epoch = await ledger.renew_term("a")
    async with ledger.transaction(epoch) as tx:
        assert await tx.unsettled([APP]) == []
    await ledger.ping()  # the others are just connected anew


async def test_who_is_broken_off_leaves_nothing_behind(ledger):
    epoch = await ledger.begin_term("a")

    async def slow():
        async with ledger.transaction(epoch) as tx:
            await tx.put_policy(APP, {"paused": True}, NOW)
            await tx._rows("SELECT pg_sleep(30)")

    task = asyncio.create_task(slow())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with ledger.transaction(epoch) as tx:
        assert (await tx.survey(APP, NOW, 0)).policy.version == 0


async def _breaks(ledger, epoch):
    async with ledger.transaction(epoch) as tx:
        await tx.put_policy(APP, {"paused": True}, NOW)
        raise ZeroDivisionError
