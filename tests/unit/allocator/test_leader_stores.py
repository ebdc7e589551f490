"""A leader whose inbox or ledger fails: nothing is lost, nothing done twice."""

import asyncio

import pytest
from structlog.testing import capture_logs
from unit.allocator.leading import in_a_world
from unit.allocator.making import APP

from allocator.core import outcomes as o
from allocator.ports import Conflict, Unavailable
from support.memory import Instead

AWAY = Unavailable("away")


@in_a_world()
async def test_an_event_nobody_can_read_is_put_aside_and_those_behind_it_move_on(world):
    world.platform.agent(1)
    async with world.leading():
        world.inbox.append_bytes(APP, b"\xff\xfe not an event")
        world.writes("100")
        await asyncio.sleep(1)
    assert world.sent() == ["100"]
    assert [content for _, content in world.inbox.put_aside(APP)] == [b"\xff\xfe not an event"]
    assert world.watch.aside == [APP]


@in_a_world()
async def test_entries_that_cannot_be_deleted_are_known_when_they_are_read_again(world):
    world.platform.agent(1)
    world.inbox.script.before("delete", AWAY, AWAY)
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(3)
    assert world.sent() == ["100"]
    assert world.inbox.left(APP) == []


@in_a_world()
async def test_an_inbox_that_is_away_for_a_while_is_read_when_it_is_back(world):
    world.platform.agent(1)
    world.inbox.script.before("read", *[AWAY] * 20)
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(10)
    assert world.sent() == ["100"]


CALLS = ["transaction", "record", "sessions", "write", "due", "survey", "heads", "commit"]


@pytest.mark.parametrize(("when", "call"), [*(("before", call) for call in CALLS), ("after", "commit")])
def test_postgres_fails_somewhere_in_a_round_and_nothing_is_lost_or_doubled(when, call):
    @in_a_world()
    async def work(world):
        world.platform.agent(1)
        async with world.leading():
            await asyncio.sleep(1)
            getattr(world.ledger.script, when)(call, AWAY)
            for number in range(3):
                world.writes(str(number))
            await asyncio.sleep(0.3)
            getattr(world.ledger.script, when)(call, AWAY, AWAY)
            await asyncio.sleep(3)
            world.resolves("0")
            await asyncio.sleep(3)
        assert world.sent() == ["0", "1", "2"]
        assert world.states() == {"0": "resolved", "1": "assigned", "2": "assigned"}
        assert world.inbox.left(APP) == []

    work()


@in_a_world()
async def test_reserved_anew_in_a_commit_whose_reply_is_lost_it_is_announced_all_the_same(world):
    """The first agent is refused; the round that gives it to the second commits, and its reply is lost."""
    world.platform.agent(1)
    world.platform.agent(2)

    async def refuse():
        world.ledger.script.after("commit", AWAY)
        raise Instead(o.AgentRefused("HTTP 400"))

    async with world.leading():
        world.platform.script.before("assign", refuse)
        world.writes("100")
        await asyncio.sleep(5)
        assert world.states() == {"100": "assigned"}
    assert [one.agent for one in world.platform.record] == [2]


@in_a_world()
async def test_a_call_that_came_back_while_postgres_was_failing_is_not_sent_a_second_time(world):
    """Its refusal is in hand, but not in the ledger: to send it again for the refused agent could only do harm."""
    world.platform.agent(1)
    world.platform.script.latency_s = lambda call: 0.2 if call == "assign" else 0.0
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(0.05)

        async def slowly():
            await asyncio.sleep(0.4)
            raise AWAY

        world.ledger.script.before("commit", slowly)
        world.writes("200")
        await asyncio.sleep(5)
    assert world.platform.script.calls.count("assign") == 2
    assert world.sent() == ["100", "200"]


@in_a_world()
async def test_rows_that_are_not_as_they_were_read_lead_to_a_new_term(world):
    world.platform.agent(1)
    async with world.leading():
        await asyncio.sleep(1)
        world.ledger.script.before("write", Conflict("session_open_room"))
        world.writes("100")
        await asyncio.sleep(3)
    assert world.sent() == ["100"]
    assert world.watch.epochs[:2] == [1, 2]


@in_a_world()
async def test_a_leader_whose_rounds_fail_for_long_gives_the_lead_away(world):
    leader = world.leader()
    running = asyncio.create_task(leader.run())
    await asyncio.sleep(1)
    world.ledger.script.before("record", *[AWAY] * 10_000)
    with pytest.raises(Unavailable):
        await running
    assert 10 <= world.clock.now() <= 25
    await leader.close()


@in_a_world()
async def test_a_bug_in_reading_the_inbox_ends_the_lead_and_is_not_swallowed(world):
    world.inbox.script.before("read", RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        await world.leader().run()


@in_a_world()
async def test_an_entry_that_is_read_again_because_it_could_not_be_deleted_is_put_aside_once(world):
    world.inbox.script.before("delete", AWAY, AWAY)
    async with world.leading():
        world.inbox.append_bytes(APP, b"not an event")
        await asyncio.sleep(3)
    assert world.watch.aside == [APP]


@in_a_world()
async def test_with_a_slow_postgres_everybody_is_served_and_the_log_says_why_they_wait(world):
    world.ledger.script.latency_s = lambda call: 3.0 if call == "commit" else 0.0
    world.platform.agent(1)
    with capture_logs() as lines:
        async with world.leading():
            for number in range(2):
                world.writes(str(number))
            await asyncio.sleep(20)
    assert sorted(world.sent()) == ["0", "1"]
    assert world.states() == {"0": "assigned", "1": "assigned"}
    slow = [line for line in lines if line["event"] == "round_slow"]
    assert slow
    assert {line["log_level"] for line in slow} == {"warning"}
    assert min(line["took_s"] for line in slow) >= 3


@in_a_world()
async def test_nothing_is_said_of_rounds_that_take_no_longer_than_they_may(world):
    world.ledger.script.latency_s = lambda call: 1.0 if call == "commit" else 0.0
    world.platform.agent(1)
    with capture_logs() as lines:
        async with world.leading():
            world.writes("0")
            await asyncio.sleep(20)
    assert world.sent() == ["0"]
    assert "round_slow" not in {line["event"] for line in lines}
