"""A leader that looks for itself: webhooks that were lost, people who change things in silence."""

import asyncio

from unit.allocator.leading import in_a_world
from unit.allocator.making import APP

from allocator.core.session import State


@in_a_world(sweep_s=10.0)
async def test_a_customer_whose_webhook_was_lost_is_found_by_the_sweep(world):
    world.platform.agent(1)
    async with world.leading():
        await asyncio.sleep(1)
        world.platform.customer("100")
        await asyncio.sleep(15)
    assert world.sent() == ["100"]
    assert (APP, "webhook_missed") in world.watch.drifts


@in_a_world(sweep_s=10.0)
async def test_a_resolve_that_was_lost_is_found_by_the_sweep(world):
    world.platform.agent(1)
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(1)
        world.platform.resolve("100")
        await asyncio.sleep(30)
    assert world.states() == {"100": "resolved"}
    assert (APP, "resolve_missed") in world.watch.drifts


@in_a_world(sweep_s=3600.0)
async def test_a_resolve_that_was_lost_is_found_by_the_platforms_count_while_somebody_waits(world):
    world.platform.agent(1)
    async with world.leading():
        for room in ("100", "101", "102"):  # two are served, one waits
            world.writes(room)
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)
        world.platform.resolve("100")
        await asyncio.sleep(15)
    assert world.states() == {"100": "resolved", "101": "assigned", "102": "assigned"}
    assert (APP, "resolve_missed") in world.watch.drifts


@in_a_world(sweep_s=10.0)
async def test_an_agent_who_was_taken_out_leaves_a_customer_who_waits_at_the_old_place(world):
    world.platform.agent(1)
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(5)
        world.platform.remove("100")
        await asyncio.sleep(30)
    (session,) = world.sessions()
    assert session.state is State.ASSIGNED
    assert session.waiting_since < session.assigned_at
    assert world.sent() == ["100", "100"]
    assert (APP, "agent_removed") in world.watch.drifts


@in_a_world(sweep_s=10.0)
async def test_a_take_over_frees_the_slot_of_who_was_replaced(world):
    world.platform.agent(1)
    other = world.platform.agent(99, online=False)
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(5)
        world.platform.put("100", other)
        await asyncio.sleep(30)
    (session,) = world.sessions()
    assert (session.state, session.slot) == (State.ASSIGNED, None)
    assert (APP, "taken_over") in world.watch.drifts
