"""The leader with real stores: the main job, and stores that fail in the middle of it."""

import asyncio

import pytest
from integration.allocator.conftest import APP, World

from allocator.core import outcomes as o
from allocator.ports import StaleTerm
from support.memory import Instead
from support.proxy import proxied


async def test_a_customer_who_waits_gets_an_agent(world):
    agent = world.platform.agent(1)
    async with world.leading():
        await world.writes("100")
        await world.until_states(assigned=1)
    assert world.platform.in_room("100") == [agent]
    assert await world.is_read()


async def test_first_come_first_served_within_capacity_and_a_resolve_makes_room(world):
    async with world.leading():
        for number in range(12):
            await world.writes(str(number))
        await world.until_states(waiting=12)
        for agent in (1, 2, 3):
            world.platform.agent(agent)
        await world.until_states(waiting=6, assigned=6)
        assert world.sent() == [str(number) for number in range(6)]
        for number in range(6):
            await world.resolves(str(number))
        await world.until_states(assigned=6)
    assert world.sent() == [str(number) for number in range(12)]
    assert all(world.platform.customers_of(agent) == 2 for agent in (1, 2, 3))


async def test_a_policy_is_written_down_and_in_force(world):
    world.platform.agent(1)
    world.policies.give({"capacity": {"default": 5}})
    async with world.leading():
        for number in range(6):
            await world.writes(str(number))
        await world.until_states(waiting=1, assigned=5)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_what_a_predecessor_left_reserved_is_settled_by_the_next_leader(world, when):
    world.platform.agent(1)
    world.platform.agent(2)
    hangs = asyncio.Event()

    async def hang():
        hangs.set()
        await asyncio.sleep(3600)

    getattr(world.platform.script, when)("assign", hang)
    first = world.leader("first")
    running = asyncio.create_task(first.run())
    await world.writes("100")
    await hangs.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await first.close()
    assert await world.states() == {"reserved": 1}
    async with world.leading():
        await world.until_states(assigned=1)
    assert len(world.sent()) == 1


async def test_a_past_leader_writes_nothing_more(world):
    world.platform.agent(1)
    first = world.leader("first")
    running = asyncio.create_task(first.run())
    await world.until(lambda: world.watch.epochs == [1])
    await world.ledger.begin_term("second")
    await world.writes("100")
    with pytest.raises(StaleTerm):
        await running
    await first.close()
    assert await world.states() == {}
    assert not await world.is_read()


async def test_unknown_outcomes_neither_double_nor_lose(world):
    for agent in range(1, 6):
        world.platform.agent(agent)
    unknown = Instead(o.Unknown("no answer in time"))
    world.platform.script.before("assign", *[unknown] * 3)
    world.platform.script.after("assign", *[unknown] * 3)
    async with world.leading():
        for number in range(10):
            await world.writes(str(number))
        await world.until_states(assigned=10)
    assert sorted(world.sent(), key=int) == [str(number) for number in range(10)]


async def test_an_event_nobody_can_read_is_put_aside_and_those_behind_it_move_on(world):
    world.platform.agent(1)
    await world.redis.xadd(world.stream, {"event": b"{half"})
    await world.redis.xadd(world.stream, {"something": b"else"})
    async with world.leading():
        await world.writes("100")
        await world.until_states(assigned=1)
        await world.until(world.is_read)
    assert world.watch.aside == [APP, APP]


class TestPostgres:
    @pytest.mark.parametrize("how", ["kill", "stop_immediately", "restart"])
    async def test_restarted_in_the_middle_nothing_is_lost(self, world, postgres_server, how):
        for agent in range(1, 11):
            world.platform.agent(agent)
        world.platform.script.latency_s = lambda call: 0.02 if call == "assign" else 0.0
        async with world.leading():
            for number in range(20):
                await world.writes(str(number))
                if number == 10:
                    await asyncio.to_thread(getattr(postgres_server, how))
            await asyncio.to_thread(postgres_server.start)
            await world.until_states(assigned=20)
            await world.until(world.is_read)
        assert sorted(world.sent(), key=int) == [str(number) for number in range(20)]

    async def test_standing_still_for_a_while_it_is_waited_for(self, world, postgres_server):
        world.platform.agent(1)
        async with world.leading():
            await world.until(lambda: world.watch.epochs == [1])
            await asyncio.to_thread(postgres_server.pause)
            await world.writes("100")
            await asyncio.sleep(1)
            await asyncio.to_thread(postgres_server.resume)
            await world.until_states(assigned=1)

    @pytest.mark.parametrize("nth", [1, 2, 3, 4, 5, 6])
    async def test_a_commit_whose_reply_is_lost_neither_doubles_nor_loses(self, redis_url, schema_url, nth):
        """The n-th commit after the customers wrote takes effect, and the leader does not hear of it."""
        async with proxied(schema_url) as proxy:
            world = World(redis_url, proxy.url)
            for agent in range(1, 4):
                world.platform.agent(agent)
            async with world.leading() as leader:
                await world.until(lambda: world.watch.rounds > 0)
                rounds = world.watch.rounds
                for number in range(4):
                    await world.writes(str(number))
                await world.until(lambda: world.watch.rounds >= rounds + nth - 1)
                proxy.lose_reply_to(b"COMMIT")
                await world.writes("4")
                await world.until_states(assigned=5)
                await world.until(lambda: proxy.lost == 1)
                assert leader.calls.under_way(APP) == 0
            assert sorted(world.sent(), key=int) == [str(number) for number in range(5)]
            await world.close()

    async def test_every_third_commit_loses_its_reply_and_all_are_served_once(self, redis_url, schema_url):
        async with proxied(schema_url) as proxy:
            world = World(redis_url, proxy.url)
            for agent in range(1, 11):
                world.platform.agent(agent)
            async with world.leading():
                for number in range(15):
                    if number % 3 == 0:
                        proxy.lose_reply_to(b"COMMIT")
                    await world.writes(str(number))
                    await world.until(lambda lost=number // 3 + 1: proxy.lost == lost)
                await world.until_states(assigned=15)
            assert sorted(world.sent(), key=int) == [str(number) for number in range(15)]
            await world.close()

    async def test_cut_off_from_it_for_a_while(self, redis_url, schema_url):
        async with proxied(schema_url) as proxy:
            world = World(redis_url, proxy.url)
            world.platform.agent(1)
            async with world.leading():
                await world.until(lambda: world.watch.rounds > 0)
                proxy.cut()
                await world.writes("100")
                await asyncio.sleep(1)
                assert world.sent() == []
                proxy.mend()
                await world.until_states(assigned=1)
            await world.close()


class TestRedis:
    async def test_restarted_in_the_middle_nothing_is_lost(self, world, redis_server):
        world.platform.agent(1)
        async with world.leading():
            await world.writes("100")
            await world.until_states(assigned=1)
            await asyncio.to_thread(redis_server.restart)
            await world.writes("200")
            await world.until_states(assigned=2)
        assert world.sent() == ["100", "200"]

    async def test_an_entry_whose_deletion_fails_counts_once(self, redis_url, schema_url):
        async with proxied(redis_url) as proxy:
            world = World(proxy.url, schema_url)
            world.platform.agent(1)
            async with world.leading():
                proxy.lose_reply_to(b"XDEL", times=2)
                await world.writes("100")
                await world.until_states(assigned=1)
                await world.until(world.is_read)
            assert world.sent() == ["100"]
            await world.close()
