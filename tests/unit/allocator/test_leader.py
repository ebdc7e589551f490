"""The leader at work, on ports in memory and in virtual time: the main job."""

import asyncio

from unit.allocator.leading import in_a_world
from unit.allocator.making import APP

from allocator.core.reasons import WaitReason
from allocator.core.session import State


@in_a_world()
async def test_a_customer_who_waits_gets_an_agent(world):
    agent = world.platform.agent(1)
    async with world.leading():
        room = world.writes("100")
        await asyncio.sleep(1)
        assert world.platform.in_room(room) == [agent]
    (session,) = world.sessions()
    assert (session.state, session.agent, session.slot) == (State.ASSIGNED, agent, 1)
    assert world.inbox.left(APP) == []


@in_a_world()
async def test_first_come_first_served(world):
    async with world.leading():
        for number in range(20):
            world.writes(str(number))
        await asyncio.sleep(1)
        for number in range(1, 11):
            world.platform.agent(number)
        await asyncio.sleep(4)
    assert world.sent() == [str(number) for number in range(20)]


@in_a_world()
async def test_nobody_gets_more_than_they_can_carry_and_a_resolve_makes_room_for_the_next(world):
    agent = world.platform.agent(1)
    async with world.leading():
        for number in range(4):
            world.writes(str(number))
        await asyncio.sleep(1)
        assert world.sent() == ["0", "1"]
        world.resolves("0")
        await asyncio.sleep(1.5)
        assert world.sent() == ["0", "1", "2"]
        assert world.platform.customers_of(agent) == 2
    assert world.states() == {"0": "resolved", "1": "assigned", "2": "assigned", "3": "waiting"}


@in_a_world()
async def test_an_agent_who_comes_online_in_silence_is_found(world):
    world.platform.agent(1, online=False)
    async with world.leading() as leader:
        world.writes("100")
        await asyncio.sleep(3)
        assert list(leader.desks[APP].reasons.values()) == [WaitReason.NO_AGENT_ONLINE]
        world.platform.agent(1)
        await asyncio.sleep(2.5)
        assert world.sent() == ["100"]


@in_a_world()
async def test_nobody_waits_for_the_inbox_to_be_emptied(world):
    """Redis may take its time, or not answer at all: what Postgres has is told, and the entry is known when it is read
    again.
    """
    world.platform.agent(1)
    async with world.leading():
        await asyncio.sleep(1)
        world.writes("100")
        await asyncio.sleep(5)
        world.resolves("100")
        world.writes("200")
        emptied, delete = [], world.inbox.delete

        async def slowly(entries):
            await asyncio.sleep(2)
            emptied.append(list(world.sent()))
            await delete(entries)

        world.inbox.delete = slowly
        await asyncio.sleep(10)
    assert emptied[0] == ["100", "200"]
    assert world.inbox.left(APP) == []


@in_a_world()
async def test_a_webhook_that_comes_again_counts_once(world):
    world.platform.agent(1)
    async with world.leading():
        for _ in range(5):
            world.writes("100", there=not world.platform.rooms)
        await asyncio.sleep(5)
    assert len(world.sessions()) == 1
    assert world.sent() == ["100"]


@in_a_world()
async def test_a_customer_who_comes_back_is_served_again(world):
    world.platform.agent(1)
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(5)
        world.resolves("100", service=7)
        await asyncio.sleep(5)
        world.writes("100", previous=7)
        await asyncio.sleep(1)
    assert [one.state for one in world.sessions()] == [State.RESOLVED, State.ASSIGNED]
    assert world.sent() == ["100", "100"]


@in_a_world()
async def test_a_resolve_that_overtakes_its_webhook_opens_no_ghost(world):
    world.platform.agent(1)
    async with world.leading():
        world.platform.customer("100")
        world.resolves("100", service=7)
        world.writes("100", there=False)
        await asyncio.sleep(10)
    assert world.sent() == []
    assert world.states() == {"100": "withdrawn"}


@in_a_world()
async def test_a_room_resolved_while_it_waits_is_withdrawn(world):
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(5)
        world.resolves("100", service=7)
        await asyncio.sleep(1)
    assert world.states() == {"100": "withdrawn"}


@in_a_world()
async def test_a_room_nobody_may_take_holds_up_nobody_behind_it(world):
    world.platform.agent(1, sources=["wa"])
    async with world.leading():
        world.writes("100", source="ig")
        world.writes("200", source="wa")
        await asyncio.sleep(1)
        assert world.sent() == ["200"]


@in_a_world()
async def test_a_policy_that_comes_in_is_in_force_within_seconds(world):
    world.platform.agent(1)
    async with world.leading():
        for number in range(5):
            world.writes(str(number))
        await asyncio.sleep(2)
        assert len(world.sent()) == 2
        world.policies.give({"capacity": {"default": 4}})
        await asyncio.sleep(3)
        assert len(world.sent()) == 4


@in_a_world()
async def test_the_beat_goes_on_while_nothing_happens(world):
    async with world.leading() as leader:
        for _ in range(60):
            await asyncio.sleep(1)
            assert world.clock.now() - leader.beat_at <= 1.5
