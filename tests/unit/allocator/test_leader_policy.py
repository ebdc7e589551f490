"""What a leader makes of a policy, round after round."""

import asyncio
from datetime import timedelta

from unit.allocator.leading import in_a_world
from unit.allocator.making import APP

from allocator.core.ids import AgentId, RoomId

ONE, TWO = AgentId(1), AgentId(2)


def opening(world, in_s):
    """Hours that begin in so many seconds, for a minute, by the clock of the world."""
    begins = world.clock.wall() + timedelta(seconds=in_s)
    assert begins.second == begins.microsecond == 0
    interval = {"days": [f"{begins:%a}"], "from": f"{begins:%H:%M}", "to": f"{begins + timedelta(minutes=1):%H:%M}"}
    return {"timezone": "UTC", "open": [interval]}


@in_a_world()
async def test_a_policy_that_is_all_by_default_comes_in_too(world):
    world.policies.give({"capacity": {"default": 0}})
    world.platform.agent(ONE)
    world.writes("100")
    async with world.leading():
        await asyncio.sleep(3)
        assert world.sent() == []
        world.policies.give({})
        await asyncio.sleep(3)
        assert world.sent() == ["100"]


@in_a_world()
async def test_a_policy_that_names_other_apps_is_not_for_this_one(world):
    world.policies.give({"apps": ["other"], "capacity": {"default": 0}})
    world.platform.agent(ONE)
    world.writes("100")
    async with world.leading():
        await asyncio.sleep(3)
        assert world.sent() == ["100"]


@in_a_world()
async def test_at_the_opening_those_who_wait_are_served_within_two_seconds_and_nobody_was_asked_for_before(world):
    wait_s = 120 - world.clock.wall().second - world.clock.wall().microsecond / 1e6
    world.policies.give({"hours": opening(world, wait_s)})
    world.platform.agent(ONE)
    world.writes("100")
    world.writes("200")
    async with world.leading():
        await asyncio.sleep(wait_s - 0.5)
        assert world.platform.script.calls.count("roster") == 0
        assert world.sent() == []
        await asyncio.sleep(2.5)
        assert world.sent() == ["100", "200"]


@in_a_world()
async def test_a_customer_who_comes_back_gets_the_agent_who_served_them_though_another_is_freer(world):
    world.policies.give({"strategy": ["sticky", "longestIdle"]})
    world.platform.agent(TWO)
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(2)
        world.platform.agent(ONE)
        world.resolves("100")
        await asyncio.sleep(5)
        world.writes("100")
        world.writes("200")
        await asyncio.sleep(5)
        assert world.platform.in_room(RoomId("100")) == [TWO]
        assert world.platform.in_room(RoomId("200")) == [ONE]


@in_a_world()
async def test_and_no_more_when_it_was_too_long_ago(world):
    world.policies.give({"strategy": ["sticky", "leastLoaded"], "sticky": {"for": "1m"}})
    world.platform.agent(TWO)
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(2)
        world.platform.agent(ONE)
        world.resolves("100")
        await asyncio.sleep(61)
        world.writes("100")
        await asyncio.sleep(5)
        assert world.platform.in_room(RoomId("100")) == [ONE]


@in_a_world()
async def test_who_waits_for_their_agent_gets_them_when_they_have_room_and_another_when_patience_ends(world):
    spec = {"strategy": ["sticky", "leastLoaded"], "sticky": {"patience": "30s"}, "capacity": {"default": 1}}
    world.policies.give(spec)
    world.platform.agent(TWO)
    async with world.leading() as leader:
        for room in ("100", "200", "300"):
            world.writes(room)
            await asyncio.sleep(4)
            world.resolves(room)
            await asyncio.sleep(4)
        world.writes("300")
        await asyncio.sleep(3)
        world.platform.agent(ONE)
        world.writes("100")
        await asyncio.sleep(0.1)
        world.writes("200")
        await asyncio.sleep(20)
        assert world.platform.in_room(RoomId("100")) == []
        assert set(leader.desks[world.sessions()[0].app].reasons.values()) == {"waiting_for_their_agent"}
        world.resolves("300")
        await asyncio.sleep(5)
        assert world.platform.in_room(RoomId("100")) == [TWO]
        assert world.platform.in_room(RoomId("200")) == []
        await asyncio.sleep(8)
        assert world.platform.in_room(RoomId("200")) == [ONE]


@in_a_world()
async def test_a_cap_counts_what_agents_have_from_earlier_rounds(world):
    world.policies.give({"capacity": {"default": 5, "channels": [{"source": "wa", "max": 1}]}})
    world.platform.agent(ONE)
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(3)
        world.writes("200")
        world.writes("300", source="ig")
        await asyncio.sleep(3)
        assert world.sent() == ["100", "300"]
        world.resolves("100")
        await asyncio.sleep(3)
        assert world.sent() == ["100", "300", "200"]


@in_a_world()
async def test_a_policy_asks_the_ledger_for_no_more_than_it_uses(world):
    """What nobody's policy uses costs nobody a statement."""
    world.platform.agent(ONE)
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(3)
        assert "last_agents" not in world.ledger.script.calls
        world.policies.give({"strategy": ["sticky", "leastLoaded"]})
        await asyncio.sleep(3)
        world.writes("200")
        await asyncio.sleep(3)
        assert "last_agents" in world.ledger.script.calls


@in_a_world()
async def test_a_policy_that_somebody_else_gives_is_in_use_within_two_ticks_though_nobody_waits(world):
    async with world.leading():
        await asyncio.sleep(3)
        assert world.ledger.rows.in_use.get(APP, 0) == 0
        world.ledger.rows.policies[APP] = ((1, {"capacity": {"default": 3}}),)
        await asyncio.sleep(2.5)
        assert world.ledger.rows.in_use[APP] == 1
