"""The calls of a leader: trust is looked at right before one is sent."""

import asyncio

from unit.allocator.leading import in_a_world
from unit.allocator.making import APP, reserved, waiting

from allocator.core import outcomes as o
from allocator.core.ids import AgentId, RoomId
from allocator.rounds.calls import Asked, Assigned, Calls, Swept, Viewed
from support.memory import Instead

NEEDED_S = 5.0


def calls_of(world):
    woken = asyncio.Event()
    return Calls(world.around, world.trust, NEEDED_S, woken.set), woken


def session_of(world, number=1, room="100"):
    world.platform.agent(7)
    world.platform.customer(room)
    return reserved(waiting(number, room=room))


@in_a_world()
async def test_what_came_back_waits_for_the_next_round_which_is_woken(world):
    calls, woken = calls_of(world)
    session = session_of(world)
    calls.assign(session)
    assert calls.under_way(APP) == 1
    await woken.wait()
    assert calls.take() == [Assigned(session, o.Done())]
    assert calls.take() == []
    assert calls.under_way(APP) == 0


@in_a_world()
async def test_trust_must_cover_the_time_out_and_a_margin(world):
    calls, woken = calls_of(world)
    calls.assign(session_of(world))
    await woken.wait()
    assert world.trust.asked == [NEEDED_S]


@in_a_world()
async def test_without_trust_nothing_is_sent_and_the_platform_hears_nothing(world):
    calls, woken = calls_of(world)
    session = session_of(world)
    world.trust.seconds = NEEDED_S - 0.001
    calls.assign(session)
    await woken.wait()
    assert calls.take() == [Assigned(session, o.NotSent())]
    assert world.platform.script.calls == []
    assert world.watch.calls == [(APP, "assign", o.NotSent())]


@in_a_world()
async def test_trust_that_ends_between_the_start_and_the_send_is_seen(world):
    """Asked for when the call is sent, not when the round announced it."""
    calls, woken = calls_of(world)
    calls.assign(session_of(world))
    world.trust.seconds = 0.0
    await woken.wait()
    assert world.platform.script.calls == []


@in_a_world()
async def test_reading_needs_no_trust(world):
    calls, woken = calls_of(world)
    world.trust.seconds = 0.0
    session = session_of(world)
    began = world.clock.wall()
    calls.view(session)
    await woken.wait()
    assert calls.take() == [Viewed(session, o.Waits(), began)]


@in_a_world()
async def test_the_same_session_is_under_way_once(world):
    calls, _ = calls_of(world)
    session = session_of(world)
    for _ in range(3):
        calls.assign(session)
        calls.view(session)
        calls.ask(session, platform_chooses=False)
        calls.sweep(APP)
    await asyncio.sleep(1)
    assert sorted(world.platform.script.calls) == ["assign", "roster", "unserved", "view"]


@in_a_world()
async def test_rooms_are_read_a_few_at_a_time(world):
    most = 0
    calls, _ = calls_of(world)
    world.platform.script.latency_s = lambda _: 1.0

    def under_way():
        return len(world.platform.script.calls) - len(world.watch.calls)

    for number in range(100):
        calls.view(session_of(world, number, str(number)))
    for _ in range(100):
        await asyncio.sleep(0.1)
        most = max(most, under_way())
    assert most == world.around.tuning.reads_max
    assert len(calls.take()) == 100


@in_a_world()
async def test_who_may_take_a_lane_is_asked_the_way_the_policy_wants(world):
    calls, _ = calls_of(world)
    session = session_of(world)
    calls.ask(session, platform_chooses=False)
    await asyncio.sleep(1)
    calls.ask(session, platform_chooses=True)
    await asyncio.sleep(1)
    roster, suggestion = calls.take()
    assert (roster.found.uses, suggestion.found.uses) == (None, 1)
    assert isinstance(roster, Asked)
    assert suggestion.found.agents[0].agent == AgentId(7)


@in_a_world()
async def test_a_list_that_breaks_off_keeps_what_it_brought_and_says_so(world):
    calls, woken = calls_of(world)
    for number in range(120):
        world.platform.customer(str(number))
    broken = o.Unknown("HTTP 502")
    world.platform.script.before("unserved", answer_truly, Instead(broken))
    calls.sweep(APP)
    await woken.wait()
    (swept,) = calls.take()
    assert isinstance(swept, Swept)
    assert (len(swept.rooms), swept.failure) == (50, broken)


async def answer_truly():
    """No trouble this time."""


@in_a_world()
async def test_a_list_is_read_page_by_page_to_its_end(world):
    calls, woken = calls_of(world)
    for number in range(120):
        world.platform.customer(str(number))
    calls.sweep(APP)
    await woken.wait()
    (swept,) = calls.take()
    assert {one.room for one in swept.rooms} == {RoomId(str(number)) for number in range(120)}
    assert swept.failure is None


@in_a_world()
async def test_leaving_waits_for_calls_under_way_but_not_long(world):
    calls, _ = calls_of(world)
    world.platform.script.latency_s = lambda _: 3.0
    calls.assign(session_of(world))
    await calls.drain(0.1)
    assert world.clock.now() < 0.2
    await calls.close()
    assert list(calls.assigning)
    assert calls.take() == []
