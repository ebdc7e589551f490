"""A leader that follows another, or is followed: what one leaves unsettled the next settles."""

import asyncio

import pytest
from unit.allocator.leading import in_a_world
from unit.allocator.making import APP

from allocator.core import outcomes as o
from allocator.core.session import State
from allocator.ports import StaleTerm
from support.memory import Instead


@in_a_world()
async def test_a_newer_term_stops_the_leader_before_it_writes(world):
    world.platform.agent(1)
    leader = world.leader()
    running = asyncio.create_task(leader.run())
    await asyncio.sleep(1)
    await world.ledger.begin_term("b")
    world.writes("100")
    with pytest.raises(StaleTerm):
        await running
    await leader.close()
    assert world.sessions() == []
    assert len(world.inbox.left(APP)) == 1


@pytest.mark.parametrize("state", ["before", "after"])
def test_what_a_predecessor_left_reserved_is_settled_by_the_next(state):
    """It crashed before its call, or after it took effect and before it could write that down."""

    @in_a_world()
    async def work(world):
        world.platform.agent(1)
        world.platform.agent(2)
        await world.crash_at_assign(state)
        assert world.states() == {"100": "reserved"}
        async with world.leading():
            await asyncio.sleep(2)
        assert world.states() == {"100": "assigned"}
        assert [one.agent for one in world.platform.record] == [1]

    work()


@in_a_world()
async def test_a_refusal_frees_nothing_while_the_request_of_a_predecessor_may_still_land(world):
    world.platform.agent(1)
    world.platform.agent(2)
    await world.crash_at_assign("before")
    world.platform.script.before("assign", Instead(o.AgentRefused("HTTP 400")))
    async with world.leading():
        await asyncio.sleep(2)
        (session,) = world.sessions()
    assert (session.state, session.agent, session.slot) == (State.DOUBT, 1, 1)


@in_a_world()
async def test_what_is_under_way_when_it_leaves_stays_reserved_for_the_next_leader(world):
    world.platform.agent(1)
    world.platform.script.latency_s = lambda call: 3.0 if call == "assign" else 0.0
    leader = world.leader()
    running = asyncio.create_task(leader.run())
    world.writes("100")
    await asyncio.sleep(1)
    before = world.clock.now()
    leader.stop()
    await running
    await leader.leave()
    assert world.clock.now() - before < 0.25
    assert world.states() == {"100": "reserved"}
    await leader.close()
    async with world.leading():
        await world.until(r100=State.ASSIGNED)


@in_a_world()
async def test_what_came_back_just_before_it_leaves_is_settled(world):
    world.platform.agent(1)
    world.platform.script.latency_s = lambda call: 0.05 if call == "assign" else 0.0
    leader = world.leader()
    running = asyncio.create_task(leader.run())
    world.writes("100")
    await world.until(r100="reserved")
    leader.stop()
    await running
    await leader.leave()
    assert world.states() == {"100": "assigned"}
    await leader.close()
