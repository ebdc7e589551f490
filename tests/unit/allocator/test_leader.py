"""The leader at work, on ports in memory and in virtual time: the main job, and each thing that goes wrong in it."""

import asyncio

import pytest
from unit.allocator.leading import in_a_world
from unit.allocator.making import APP

from allocator.core import outcomes as o
from allocator.core.reasons import WaitReason
from allocator.core.session import State
from allocator.ports import Conflict, StaleTerm, Unavailable
from support.memory import Instead

AWAY = Unavailable("away")
UNKNOWN = Instead(o.Unknown("no answer in time"))


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
async def test_an_event_nobody_can_read_is_put_aside_and_those_behind_it_move_on(world):
    world.platform.agent(1)
    async with world.leading():
        world.inbox.append_bytes(APP, b"\xff\xfe not an event")
        world.writes("100")
        await asyncio.sleep(1)
    assert world.sent() == ["100"]
    assert [content for _, content in world.inbox.put_aside(APP)] == [b"\xff\xfe not an event"]
    assert world.watch.aside == [APP]


@in_a_world()
async def test_entries_that_cannot_be_deleted_are_known_when_they_are_read_again(world):
    world.platform.agent(1)
    world.inbox.script.before("delete", AWAY, AWAY)
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(3)
    assert world.sent() == ["100"]
    assert world.inbox.left(APP) == []


@in_a_world()
async def test_an_inbox_that_is_away_for_a_while_is_read_when_it_is_back(world):
    world.platform.agent(1)
    world.inbox.script.before("read", *[AWAY] * 20)
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(10)
    assert world.sent() == ["100"]


CALLS = ["transaction", "record", "sessions", "write", "due", "policy", "loads", "heads", "commit"]


@pytest.mark.parametrize(("when", "call"), [*(("before", call) for call in CALLS), ("after", "commit")])
def test_postgres_fails_somewhere_in_a_round_and_nothing_is_lost_or_doubled(when, call):
    @in_a_world()
    async def work(world):
        world.platform.agent(1)
        async with world.leading():
            await asyncio.sleep(1)
            getattr(world.ledger.script, when)(call, AWAY)
            for number in range(3):
                world.writes(str(number))
            await asyncio.sleep(0.3)
            getattr(world.ledger.script, when)(call, AWAY, AWAY)
            await asyncio.sleep(3)
            world.resolves("0")
            await asyncio.sleep(3)
        assert world.sent() == ["0", "1", "2"]
        assert world.states() == {"0": "resolved", "1": "assigned", "2": "assigned"}
        assert world.inbox.left(APP) == []

    work()


@in_a_world()
async def test_reserved_anew_in_a_commit_whose_reply_is_lost_it_is_announced_all_the_same(world):
    """The first agent is refused; the round that gives it to the second commits, and its reply is lost."""
    world.platform.agent(1)
    world.platform.agent(2)

    async def refuse():
        world.ledger.script.after("commit", AWAY)
        raise Instead(o.AgentRefused("HTTP 400"))

    async with world.leading():
        world.platform.script.before("assign", refuse)
        world.writes("100")
        await asyncio.sleep(5)
        assert world.states() == {"100": "assigned"}
    assert [one.agent for one in world.platform.record] == [2]


@in_a_world()
async def test_a_call_that_came_back_while_postgres_was_failing_is_not_sent_a_second_time(world):
    """Its refusal is in hand, but not in the ledger: to send it again for the refused agent could only do harm."""
    world.platform.agent(1)
    world.platform.script.latency_s = lambda call: 0.2 if call == "assign" else 0.0
    async with world.leading():
        world.writes("100")
        await asyncio.sleep(0.05)

        async def slowly():
            await asyncio.sleep(0.4)
            raise AWAY

        world.ledger.script.before("commit", slowly)
        world.writes("200")
        await asyncio.sleep(5)
    assert world.platform.script.calls.count("assign") == 2
    assert world.sent() == ["100", "200"]


@in_a_world()
async def test_rows_that_are_not_as_they_were_read_lead_to_a_new_term(world):
    world.platform.agent(1)
    async with world.leading():
        await asyncio.sleep(1)
        world.ledger.script.before("write", Conflict("session_open_room"))
        world.writes("100")
        await asyncio.sleep(3)
    assert world.sent() == ["100"]
    assert world.watch.epochs[:2] == [1, 2]


@in_a_world()
async def test_a_leader_whose_rounds_fail_for_long_gives_the_lead_away(world):
    leader = world.leader()
    running = asyncio.create_task(leader.run())
    await asyncio.sleep(1)
    world.ledger.script.before("record", *[AWAY] * 10_000)
    with pytest.raises(Unavailable):
        await running
    assert 10 <= world.clock.now() <= 25
    await leader.close()


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
async def test_the_beat_goes_on_while_nothing_happens(world):
    async with world.leading() as leader:
        for _ in range(60):
            await asyncio.sleep(1)
            assert world.clock.now() - leader.beat_at <= 1.5


@in_a_world()
async def test_a_bug_in_reading_the_inbox_ends_the_lead_and_is_not_swallowed(world):
    world.inbox.script.before("read", RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        await world.leader().run()


@in_a_world()
async def test_an_entry_that_is_read_again_because_it_could_not_be_deleted_is_put_aside_once(world):
    world.inbox.script.before("delete", AWAY, AWAY)
    async with world.leading():
        world.inbox.append_bytes(APP, b"not an event")
        await asyncio.sleep(3)
    assert world.watch.aside == [APP]


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
