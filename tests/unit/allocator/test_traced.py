"""What traces show of customers: each step once it is written down, under the webhook that began it."""

import asyncio
from dataclasses import replace

from unit.allocator.leading import in_a_world
from unit.allocator.making import APP

from allocator.core import outcomes as o
from chassis.traces import Role, place_of
from contract import RoomId, RoomWaiting, new_event_id
from contract.events import traced
from support.memory.script import Instead

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Told:
    """A tracer."""

    def __init__(self, world):
        self.spans = []
        world.around = replace(world.around, tracer=self)

    def tell(self, span):
        self.spans.append(span)

    def names(self):
        return [span.name for span in self.spans]


def writes(world, room, trace=CALLER):
    world.platform.customer(room, "wa")
    event = RoomWaiting(id=new_event_id(), app=APP, room=RoomId(room), received_ms=0, source="wa")
    world.inbox.append(event if trace is None else traced(event, trace))


@in_a_world()
async def test_a_customer_is_shown_from_the_inbox_to_the_agent(world):
    told, agent = Told(world), world.platform.agent(1)
    world.platform.script.latency_s = lambda _: 0.01
    async with world.leading():
        writes(world, "100")
        await asyncio.sleep(1)
    assert told.names() == ["recorded", "reserved", "assigned"]
    assert {span.parent for span in told.spans} == {place_of(CALLER)}
    assert {span.place.trace for span in told.spans} == {place_of(CALLER).trace}
    assert len({span.place.span for span in told.spans}) == 3
    recorded, reserved, assigned = told.spans
    assert (recorded.agent, reserved.agent, assigned.agent) == (None, agent, agent)
    assert (assigned.outcome, assigned.role, reserved.role) == ("done", Role.CLIENT, Role.INTERNAL)
    assert recorded.began_ns == reserved.began_ns <= reserved.ended_ns <= assigned.began_ns < assigned.ended_ns


@in_a_world()
async def test_who_waits_is_shown_with_the_reason(world):
    told = Told(world)
    world.platform.agent(1, online=False)
    async with world.leading():
        writes(world, "100")
        await asyncio.sleep(10)
    assert told.names() == ["recorded", "waits"]
    assert told.spans[1].reason == "no_agent_online"


@in_a_world()
async def test_what_the_platform_refuses_is_shown_as_what_it_was(world):
    told = Told(world)
    world.platform.agent(1)
    world.platform.agent(2)
    world.platform.script.before("assign", Instead(o.AgentRefused(reason="canary of the platform")))
    async with world.leading():
        writes(world, "100")
        await asyncio.sleep(5)
    outcomes = [span.outcome for span in told.spans if span.role is Role.CLIENT]
    assert outcomes == ["agent_refused", "done"]
    assert "canary" not in str(told.spans)


@in_a_world()
async def test_a_customer_without_a_trace_is_not_shown(world):
    told = Told(world)
    world.platform.agent(1)
    async with world.leading():
        writes(world, "100", trace=None)
        await asyncio.sleep(1)
    assert world.states() == {"100": "assigned"}
    assert told.spans == []


@in_a_world()
async def test_the_next_leader_goes_on_with_the_trace(world):
    told = Told(world)
    async with world.leading():
        writes(world, "100")
        await asyncio.sleep(1)
    world.platform.agent(1)
    async with world.leading():
        await asyncio.sleep(3)
    assert told.names()[-1] == "assigned"
    assert {span.place.trace for span in told.spans} == {place_of(CALLER).trace}


@in_a_world()
async def test_what_a_leader_settles_as_it_leaves_is_shown_too(world):
    told = Told(world)
    world.platform.agent(1)
    world.platform.script.latency_s = lambda call: 0.05 if call == "assign" else 0.0
    async with world.leading() as leader:
        writes(world, "100")
        await asyncio.sleep(0.02)
        assert leader.calls.assigning
    assert told.names() == ["recorded", "reserved", "assigned"]
