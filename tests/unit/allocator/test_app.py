"""One process through its life: follows, leads, leaves; on ports in memory and in virtual time."""

import asyncio

from unit.allocator.leading import in_a_world
from unit.allocator.making import APP

from allocator.adapters.policy_file import PolicyFile
from allocator.app import Allocator, reasons_of
from allocator.core.ids import Lane
from allocator.core.reasons import WaitReason
from allocator.election import Elector, LeaseTiming
from allocator.ports import Standing, Unavailable
from support.memory import MemoryLease

TIMING = LeaseTiming(ttl_s=10.0, renew_s=2.0, margin_s=1.0, watch_s=0.5)
AWAY = Unavailable("away")


def allocator_of(world, lease, name):
    elector = Elector(lease, world.clock, name, TIMING)
    return Allocator(world.around, elector, name, PolicyFile(None))


@in_a_world()
async def test_it_leads_and_leaves_in_good_order(world):
    lease = MemoryLease(world.clock)
    made = allocator_of(world, lease, "a")
    running = asyncio.create_task(made.run())
    world.platform.agent(1)
    world.writes("100")
    await asyncio.sleep(3)
    assert world.sent() == ["100"]
    assert (made.alive(), made.ready()) == (None, None)
    assert world.watch.standings[APP][0].slots_used == 1
    made.stop()
    await running
    assert lease.holder is None
    assert world.watch.epochs == [1, None]


@in_a_world()
async def test_told_to_stop_just_as_the_lease_is_won_it_stops(world):
    lease = MemoryLease(world.clock)
    made = allocator_of(world, lease, "a")

    async def stop():
        made.stop()

    lease.script.after("acquire", stop)
    async with asyncio.timeout(20):
        await made.run()
    assert made.alive() is None


@in_a_world()
async def test_told_to_stop_while_it_asks_for_the_lease_it_leaves_none_behind(world):
    lease = MemoryLease(world.clock)
    made = allocator_of(world, lease, "a")

    async def stop_before_the_reply():
        made.stop()
        await asyncio.sleep(5)

    lease.script.after("acquire", stop_before_the_reply)
    async with asyncio.timeout(20):
        await made.run()
    assert lease.holder is None


@in_a_world()
async def test_of_two_the_second_leads_when_the_first_leaves_and_nobody_is_lost(world):
    lease = MemoryLease(world.clock)
    first, second = allocator_of(world, lease, "a"), allocator_of(world, lease, "b")
    tasks = [asyncio.create_task(first.run())]
    await asyncio.sleep(1)
    tasks.append(asyncio.create_task(second.run()))
    for agent in range(1, 6):
        world.platform.agent(agent)
    for number in range(10):
        world.writes(str(number))
        await asyncio.sleep(0.3)
        if number == 4:
            first.stop()
    await asyncio.sleep(5)
    second.stop()
    await asyncio.gather(*tasks)
    assert world.sent() == [str(number) for number in range(10)]
    assert [epoch for epoch in world.watch.epochs if epoch] == [1, 2]


@in_a_world()
async def test_cut_off_from_redis_it_stops_leading_before_another_can_and_leads_again_later(world):
    lease = MemoryLease(world.clock)
    made = allocator_of(world, lease, "a")
    running = asyncio.create_task(made.run())
    await asyncio.sleep(1)
    lease.script.before("renew", *[AWAY] * 200)
    lease.script.before("acquire", *[AWAY] * 20)
    await asyncio.sleep(11)
    assert world.watch.epochs == [1, None]
    assert made.ready() == "Redis does not answer"
    assert made.alive() is None
    await asyncio.sleep(15)
    assert world.watch.epochs == [1, None, 2]
    lease.script.clear()
    made.stop()
    await running


@in_a_world()
async def test_cut_off_from_postgres_it_gives_the_lead_away_and_says_that_it_is_not_ready(world):
    lease = MemoryLease(world.clock)
    made = allocator_of(world, lease, "a")
    running = asyncio.create_task(made.run())
    await asyncio.sleep(1)
    for call in ("transaction", "begin_term", "ping", "standing"):
        world.ledger.script.before(call, *[AWAY] * 10_000)
    world.writes("100")
    world.platform.agent(1)
    await asyncio.sleep(12)
    assert made.ready() == "Postgres does not answer"
    await asyncio.sleep(20)
    assert world.watch.epochs[-1] is None
    world.ledger.script.clear()
    await asyncio.sleep(15)
    assert world.sent() == ["100"]
    assert made.ready() is None
    made.stop()
    await running


@in_a_world()
async def test_a_loop_that_stands_still_is_not_alive(world):
    lease = MemoryLease(world.clock)
    made = allocator_of(world, lease, "a")
    running = asyncio.create_task(made.run())
    await asyncio.sleep(1)
    asyncio.get_running_loop().stand_still(40.0)
    assert made.alive() is not None
    made.stop()
    await running


def test_those_behind_the_head_of_a_lane_wait_for_the_same_reason():
    standing = Standing(
        waiting={Lane("wa"): (7, None), Lane("ig"): (2, None), Lane("line"): (1, None)},
        not_in_turn=3,
        oldest=None,
        slots_used=0,
        states={},
        oldest_doubt=None,
        parked=0,
    )
    by_lane = {Lane("wa"): WaitReason.ALL_AT_CAPACITY, Lane("ig"): WaitReason.NO_ELIGIBLE_AGENT}
    assert reasons_of(standing, by_lane) == {
        "all_at_capacity": 7,
        "no_eligible_agent": 2,
        "asking_who_may": 1,
        "verifying": 3,
    }
