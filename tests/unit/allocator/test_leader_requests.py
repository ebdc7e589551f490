"""A leader does what people ask for, in its own transaction and nobody else's."""

import asyncio

from structlog.testing import capture_logs
from unit.allocator.leading import in_a_world
from unit.allocator.making import APP

from allocator.core import outcomes as o
from allocator.core.ids import AgentId, RoomId
from allocator.core.requests import Kind, Request, RequestId
from allocator.core.session import State
from allocator.core.steps import What
from allocator.ports import Unavailable
from support.memory import Instead

SECOND, LAG_S = 1.0, 5.0


def ask(world, kind, room=None, *, by="budi"):
    """Somebody asks; the answer comes later."""
    number = 1 + len(world.ledger.rows.requests)
    asked = Request(
        id=RequestId(f"{number:032x}"), app=APP, kind=kind, room=room and RoomId(room), by=by, at=world.clock.wall()
    )
    world.ledger.ask(asked)
    return asked


def answer(world, asked):
    return world.ledger.rows.requests[asked.id].answer


def steps(world, room):
    return [(one.what, one.why, one.facts) for one in world.ledger.rows.steps[APP, RoomId(room)]]


async def paused(world):
    """A pause, carried out."""
    ask(world, Kind.PAUSE)
    await asyncio.sleep(2 * SECOND)


@in_a_world(sweep_s=10.0)
async def test_who_is_withdrawn_stays_out_of_the_sweep_and_is_back_with_the_next_message(world):
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(60)
        asked = ask(world, Kind.WITHDRAW, "100")
        await asyncio.sleep(2 * SECOND)
        assert answer(world, asked).done
        (what, why, facts) = steps(world, "100")[-1]
        assert (what, why, facts["by"]) == (What.WITHDRAWN, "withdrawn by a person", "budi")
        world.platform.agent(1)
        await asyncio.sleep(60)
        assert world.states() == {"100": State.WITHDRAWN}
        assert world.sent() == []
        assert world.watch.drifts == []
        world.writes("100", there=False)
        await asyncio.sleep(5)
    assert world.sent() == ["100"]


@in_a_world(sweep_s=10.0)
async def test_the_sweep_finds_a_withdrawn_customer_who_wrote_again_though_no_webhook_told(world):
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(5)
        ask(world, Kind.WITHDRAW, "100")
        await asyncio.sleep(5)
        world.platform.agent(1)
        there = world.platform.rooms[RoomId("100")]
        there.since = world.clock.wall()
        await asyncio.sleep(30)
    assert world.sent() == ["100"]


@in_a_world()
async def test_who_was_parked_waits_again_at_the_old_place_before_who_came_later(world):
    world.platform.agent(1)
    world.platform.script.before("assign", Instead(o.RoomRefused("HTTP 422")))
    async with world.leading():
        world.writes("100")
        await world.until(r100=State.PARKED)
        await paused(world)
        world.writes("200")
        await asyncio.sleep(SECOND)
        asked = ask(world, Kind.REQUEUE, "100")
        await asyncio.sleep(3 * SECOND)
        assert answer(world, asked).done
        assert world.states() == {"100": State.WAITING, "200": State.WAITING}
        assert (What.BACK, None) in [
            (what, why) for what, why, facts in steps(world, "100") if facts.get("by") == "budi"
        ]
        ask(world, Kind.RESUME)
        await asyncio.sleep(3 * SECOND)
    assert world.sent() == ["100", "200"]


@in_a_world()
async def test_a_room_that_is_over_by_now_is_not_given_to_anybody_though_it_is_asked_for(world):
    world.platform.agent(1)
    world.platform.script.before("assign", Instead(o.RoomRefused("HTTP 422")))
    async with world.leading():
        world.writes("100")
        await world.until(r100=State.PARKED)
        world.platform.resolve(RoomId("100"))
        await asyncio.sleep(10)
        ask(world, Kind.REQUEUE, "100")
        await asyncio.sleep(5)
    assert world.states() == {"100": State.WITHDRAWN}
    assert world.platform.script.calls.count("assign") == 1


@in_a_world()
async def test_a_pause_takes_customers_in_and_gives_them_to_nobody_through_a_change_of_leader(world):
    world.platform.agent(1)
    async with world.leading():
        await paused(world)
        world.writes("100")
        await asyncio.sleep(5)
    async with world.leading() as leader:
        await asyncio.sleep(5)
        assert world.states() == {"100": State.WAITING}
        assert set(leader.desks[APP].reasons.values()) == {"paused_by_hand"}
        assert (What.WAITS, "paused_by_hand", {"by": "budi"}) in steps(world, "100")
        assert world.platform.script.calls.count("roster") == 0
        ask(world, Kind.RESUME)
        await asyncio.sleep(3 * SECOND)
    assert world.sent() == ["100"]


@in_a_world()
async def test_either_pause_pauses_and_each_ends_by_itself_only(world):
    world.platform.agent(1)
    world.policies.give({"paused": True})
    async with world.leading():
        await paused(world)
        world.writes("100")
        ask(world, Kind.RESUME)
        await asyncio.sleep(3 * SECOND)
        assert world.sent() == []
        ask(world, Kind.PAUSE)
        await asyncio.sleep(2 * SECOND)
        world.policies.give({})
        await asyncio.sleep(3 * SECOND)
        assert world.sent() == []
        ask(world, Kind.RESUME)
        await asyncio.sleep(3 * SECOND)
    assert world.sent() == ["100"]


@in_a_world()
async def test_whoever_the_platform_may_have_been_told_of_is_not_touched(world):
    world.platform.agent(1)
    world.platform.script.before("assign", Instead(o.Unknown("no answer in time")))
    async with world.leading():
        world.writes("100")
        await world.until(r100=State.DOUBT)
        asked = ask(world, Kind.WITHDRAW, "100")
        for _ in range(200):
            if answer(world, asked) is not None:
                break
            await asyncio.sleep(0.01)
        assert not answer(world, asked).done
        await asyncio.sleep(60)
    assert world.platform.in_room(RoomId("100")) == [AgentId(1)]


@in_a_world()
async def test_what_was_asked_while_nobody_led_is_carried_out_by_who_leads_next_once(world):
    asked = ask(world, Kind.PAUSE)
    with capture_logs() as lines:
        async with world.leading():
            await asyncio.sleep(5)
    assert answer(world, asked).done
    told = [line for line in lines if line["event"] == "request_answered"]
    assert [(line["kind"], line["by"], line["outcome"], line["app"]) for line in told] == [
        ("pause", "budi", "done", APP)
    ]


@in_a_world()
async def test_nobody_looks_for_requests_more_often_than_once_a_tick(world):
    """However many rounds there are; and what is not asked costs nothing more."""
    for number in range(20):
        world.platform.agent(number + 1)
    async with world.leading():
        for number in range(40):
            world.writes(str(100 + number))
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        calls = world.ledger.script.calls
        assert calls.count("transaction") > 20
        assert calls.count("news") <= 5
        assert calls.count("concerned") == calls.count("answer") == 0


@in_a_world()
async def test_what_a_round_answered_that_was_not_written_down_is_answered_again(world):
    async def then_fail():
        world.ledger.script.before("commit", Unavailable("Postgres: gone"))

    async with world.leading():
        world.writes("100")
        await asyncio.sleep(2)
        world.ledger.script.before("answer", then_fail)
        asked = ask(world, Kind.WITHDRAW, "100")
        await asyncio.sleep(5)
        assert world.ledger.script.calls.count("answer") == 2
    assert answer(world, asked).done
    assert world.states() == {"100": State.WITHDRAWN}
