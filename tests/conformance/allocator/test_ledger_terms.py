"""What the leader may expect of every ledger alike: terms, transactions, times."""

import asyncio
from dataclasses import replace

import pytest
from conformance.allocator.ledger_case import OTHER, arrival, assigned
from unit.allocator.making import APP, NOON, after, came, reserved, waiting

from allocator.core.changes import Changes
from allocator.core.ids import AgentId, Epoch
from allocator.core.session import State
from allocator.ports import StaleTerm


class TestTerms:
    async def test_they_only_grow(self, case):
        assert await case.ledger.begin_term("b") == case.epoch + 1
        assert await case.ledger.begin_term("a") == case.epoch + 2

    async def test_only_who_has_the_newest_renews_it(self, case):
        assert await case.ledger.renew_term("a") == case.epoch + 1
        with pytest.raises(StaleTerm):
            await case.ledger.renew_term("b")
        assert await case.ledger.renew_term("a") == case.epoch + 2

    async def test_no_transaction_of_an_older_one_begins(self, case):
        await case.ledger.begin_term("b")
        with pytest.raises(StaleTerm):
            await case.write(waiting())

    async def test_none_of_one_that_never_was(self, case):
        with pytest.raises(StaleTerm):
            async with case.ledger.transaction(Epoch(case.epoch + 1)):
                pytest.fail("it began")

    async def test_a_new_one_waits_for_the_transaction_that_runs(self, case):
        async with case.transaction() as tx:
            beginning = asyncio.create_task(case.ledger.begin_term("b"))
            await asyncio.sleep(0.2)
            assert not beginning.done()
            changes = Changes()
            changes.note(None, waiting())
            await tx.write(changes)
        case.epoch = await beginning
        assert await case.rows(waiting()) == [waiting()]


class TestATransaction:
    async def test_what_is_written_is_there_afterwards_to_the_last_field(self, case):
        session = replace(
            await case.given(),
            state=State.DOUBT,
            due_at=after(1.000001),
            unknown_at=after(0.999999),
            checked_at=NOON,
            tries=3,
            refusals=2,
            avoid=(AgentId(2**40), AgentId(3)),
            resolve_seen=True,
            again_at=after(5),
            previous=2**62,
            reopened=True,
        )
        await case.write((reserved(waiting(room="1")), session))
        assert await case.rows(session) == [session]

    async def test_what_it_wrote_it_reads(self, case):
        async with case.transaction() as tx:
            changes = Changes()
            changes.note(None, waiting())
            await tx.write(changes)
            assert list((await tx.sessions([waiting().id])).values()) == [waiting()]

    async def test_one_that_breaks_off_leaves_nothing(self, case):
        async def work(tx):
            await tx.record([arrival(came(1))], NOON)
            changes = Changes()
            changes.note(None, waiting())
            await tx.write(changes)
            await tx.put_policy(APP, {"paused": True}, NOON)

        await case.break_off(work)
        assert await case.rows(waiting()) == [None]
        assert not (await case.policy(APP)).paused
        assert len((await case.ask("record", [arrival(came(1))], NOON)).fresh) == 1

    async def test_one_whose_work_is_cancelled_leaves_nothing_and_the_ledger_works_on(self, case):
        async def stuck():
            async with case.transaction() as tx:
                changes = Changes()
                changes.note(None, waiting())
                await tx.write(changes)
                await asyncio.sleep(60)

        task = asyncio.create_task(stuck())
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await case.rows(waiting()) == [None]

    async def test_it_answers_a_ping(self, case):
        await case.ledger.ping()


class TestTimesThatLieAhead:
    """Written by a predecessor whose clock ran ahead."""

    async def test_who_is_due_or_was_seen_later_than_a_moment_is_found(self, case):
        soon, late = (replace(waiting(n, room=str(n)), verify=True, due_at=after(due)) for n, due in ((1, 10), (2, 90)))
        await case.write(soon, late)
        served = await case.given(3)
        await case.write((served, replace(assigned(served), checked_at=after(100))))
        found = await case.ask("ahead", [APP], after(60))
        assert {one.room for one in found} == {"2", "3"}
        assert await case.ask("ahead", [OTHER], after(60)) == []

    async def test_who_is_in_turn_is_not(self, case):
        await case.write(waiting(1))
        assert await case.ask("ahead", [APP], after(-60)) == []
