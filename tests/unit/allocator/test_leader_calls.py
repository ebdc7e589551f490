"""A leader and the platform: calls that time out, land late, are refused, or may not be sent."""

import asyncio

import pytest
from unit.allocator.leading import in_a_world
from unit.allocator.making import APP

from allocator.core import outcomes as o
from allocator.core.reasons import WaitReason
from support.memory import Instead

UNKNOWN = Instead(o.Unknown("no answer in time"))


@in_a_world()
async def test_a_call_that_took_effect_and_timed_out_is_found_and_neither_doubled_nor_lost(world):
    agent = world.platform.agent(1)
    world.platform.script.after("assign", UNKNOWN)
    async with world.leading():
        room = world.writes("100")
        await asyncio.sleep(2)
        assert world.states() == {"100": "assigned"}
    assert world.platform.in_room(room) == [agent]
    assert world.platform.script.calls.count("assign") == 1


@in_a_world()
async def test_a_call_whose_answer_comes_while_a_round_is_written_down_is_not_sent_again(world):
    """That round notes of the same session that a resolve came. Sent again, it could land in the room's next one."""
    world.platform.agent(1)
    world.platform.script.latency_s = lambda call: 0.1 if call == "assign" else 0.0
    async with world.leading():
        world.writes("100")
        await world.until(r100="reserved")
        await asyncio.sleep(0.06)  # it took effect, and its answer is on the way
        world.ledger.script.before("commit", lambda: asyncio.sleep(0.1))
        world.resolves("100")
        await asyncio.sleep(5)
    assert world.states() == {"100": "resolved"}
    assert world.platform.script.calls.count("assign") == 1


@in_a_world()
async def test_a_call_that_had_no_effect_and_timed_out_is_sent_again_for_the_same_agent(world):
    world.platform.agent(1)
    world.platform.agent(2)
    world.platform.script.before("assign", UNKNOWN, UNKNOWN)
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(5)
    assert [one.agent for one in world.platform.record] == [1]
    assert world.states() == {"100": "assigned"}


@in_a_world()
async def test_a_call_that_lands_late_puts_nobody_beside_another(world):
    """It is given up, sent again for the same agent, and then lands: one agent in the room."""
    world.platform.agent(1)
    world.platform.agent(2)
    world.platform.land_late(20.0)
    async with world.leading():
        room = world.writes("100")
        await asyncio.sleep(40)
        assert world.platform.in_room(room) == [1]
    assert world.is_at_rest()


@in_a_world()
async def test_while_a_call_may_land_its_slot_is_given_to_nobody_else(world):
    """The agent goes offline: every later send is refused; the slot is held through the quarantine."""
    world.platform.agent(1)
    world.platform.land_late(25.0)
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(0.2)
        world.platform.agent(1, online=False)
        for second in range(29):
            await asyncio.sleep(1)
            (session,) = world.sessions("100")
            assert session.slot == 1 or world.platform.in_room("100"), second
        await asyncio.sleep(10)
    assert world.is_at_rest()


@in_a_world()
async def test_an_agent_the_platform_refuses_is_replaced_by_another_at_once(world):
    world.platform.agent(1)
    world.platform.agent(2)
    world.platform.script.before("assign", Instead(o.AgentRefused("HTTP 400")))
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(1)
    assert [one.agent for one in world.platform.record] == [2]


@in_a_world()
async def test_a_room_that_is_always_refused_is_parked_and_blocks_nobody(world):
    world.platform.agent(1)
    world.platform.agent(2)
    async with world.leading():
        world.writes("100")
        world.platform.script.before("assign", *[Instead(o.RoomRefused("HTTP 422"))])
        world.writes("200")
        await asyncio.sleep(2)
    assert world.states() == {"100": "parked", "200": "assigned"}


@in_a_world()
async def test_a_pause_the_platform_asks_for_is_kept_and_the_order_with_it(world):
    world.platform.agent(1)
    async with world.leading():
        world.writes("100")
        world.writes("200")
        world.platform.script.before("assign", Instead(o.NotNow(7.0)), Instead(o.NotNow(7.0)))
        await asyncio.sleep(6.5)
        assert world.sent() == []
        await asyncio.sleep(4)
    assert world.sent() == ["100", "200"]


@in_a_world()
async def test_wrong_credentials_stop_the_app_and_keep_the_backlog(world):
    world.platform.agent(1)
    async with world.leading() as leader:
        world.platform.script.before("roster", *[Instead(o.CredentialsRefused())] * 2)
        world.platform.script.before("unserved", Instead(o.CredentialsRefused()))
        world.writes("100")
        await asyncio.sleep(3)
        assert list(leader.desks[APP].reasons.values()) == [WaitReason.CREDENTIALS_REFUSED]
        await asyncio.sleep(60)
    assert world.sent() == ["100"]


@in_a_world()
async def test_without_trust_nothing_is_sent_and_nothing_is_reserved(world):
    world.platform.agent(1)
    world.trust.seconds = 4.9
    async with world.leading() as leader:
        world.writes("100")
        await asyncio.sleep(3)
        assert world.platform.script.calls.count("assign") == 0
        assert list(leader.desks[APP].reasons.values()) == [WaitReason.LEAD_IN_QUESTION]
        world.trust.seconds = 5.0
        await asyncio.sleep(2)
    assert world.sent() == ["100"]


@in_a_world()
async def test_trust_that_went_between_the_decision_and_the_call_sends_nothing_and_loses_no_place(world):
    world.platform.agent(1)
    decided = asyncio.Event()
    async with world.leading():

        async def gone():
            world.ledger.script.after("commit", gone)
            if "reserved" in world.states().values():
                world.trust.seconds = 0.0
                decided.set()

        world.ledger.script.after("commit", gone)
        world.writes("100")
        await decided.wait()
        await world.until(r100="waiting")
        assert world.platform.script.calls.count("assign") == 0
        world.ledger.script.clear()
        world.trust.seconds = 1000.0
        await asyncio.sleep(3)
    assert world.sent() == ["100"]


@in_a_world()
async def test_where_the_platform_chooses_it_is_asked_for_each_customer(world):
    world.policies.give({"strategy": ["platform"]})
    for number in (1, 2):
        world.platform.agent(number)
    async with world.leading():
        await asyncio.sleep(1)
        for number in range(4):
            world.writes(str(number))
        await asyncio.sleep(20)
    assert world.sent() == ["0", "1", "2", "3"]
    assert world.platform.script.calls.count("suggestion") >= 4
    assert world.platform.script.calls.count("roster") == 0


@in_a_world(calls_max=3)
async def test_no_more_calls_are_under_way_than_allowed(world):
    for number in range(1, 11):
        world.platform.agent(number)
    world.platform.script.latency_s = lambda call: 1.0 if call == "assign" else 0.0
    async with world.leading() as leader:
        for number in range(12):
            world.writes(str(number))
        for _ in range(80):
            await asyncio.sleep(0.1)
            assert leader.calls.under_way(APP) <= 3
    assert len(world.sent()) == 12


@in_a_world()
async def test_a_bug_in_a_call_ends_the_lead_and_is_not_swallowed(world):
    world.platform.agent(1)
    world.platform.script.before("assign", RuntimeError("a bug"))
    leader = world.leader()
    running = asyncio.create_task(leader.run())
    world.writes("100")
    with pytest.raises(RuntimeError, match="a bug"):
        await running
    await leader.close()
