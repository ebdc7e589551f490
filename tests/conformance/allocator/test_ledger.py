"""What the leader may expect of the ledger: the one in memory and the one in Postgres alike."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from unit.allocator.making import AGENT, APP, NOON, TIMING, after, came, over, reserved, waiting

from allocator.adapters.postgres import PostgresLedger
from allocator.core import outcomes as o
from allocator.core.changes import Changes
from allocator.core.ids import AgentId, AppId, Epoch, Lane, RoomId
from allocator.core.intake import Arrival, End
from allocator.core.lifecycle import ended, on_outcome, on_resolved
from allocator.core.policy import standard
from allocator.core.readings import on_view
from allocator.core.session import State
from allocator.ports import Audit, Conflict, StaleTerm
from simulation import nearby
from simulation.remote import RemoteLedger
from support.memory import MemoryLedger, VirtualClock

OTHER = AppId("other")


class Case:
    """A ledger in its first term, and short words for what tests do with it."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.epoch = Epoch(0)

    def transaction(self):
        return self.ledger.transaction(self.epoch)

    async def write(self, *pairs):
        """Make rows so, in one transaction; a single session is a new row."""
        changes = Changes()
        for pair in pairs:
            before, now = pair if isinstance(pair, tuple) else (None, pair)
            changes.note(before, now)
        async with self.transaction() as tx:
            await tx.write(changes)

    async def given(self, number=1, *, agent=AGENT, slot=1, capacity=2, room=None):
        """A session on a slot, written down in two steps as the leader does."""
        before = waiting(number, room=room or str(number))
        now = reserved(before, agent=agent, slot=slot, capacity=capacity)
        await self.write(before)
        await self.write((before, now))
        return now

    async def ask(self, method, *parameters, **more):
        """What a transaction of its own answers."""
        async with self.transaction() as tx:
            return await getattr(tx, method)(*parameters, **more)

    async def break_off(self, work):
        """A transaction that does ``work`` and then meets a bug."""

        async def run():
            async with self.transaction() as tx:
                await work(tx)
                raise RuntimeError("a bug")

        with pytest.raises(RuntimeError, match="a bug"):
            await run()

    async def rows(self, *sessions):
        """The rows as they are now."""
        found = await self.ask("sessions", [one.id for one in sessions])
        return [found.get(one.id) for one in sessions]


@pytest.fixture(params=["memory", "remote", "postgres"])
async def case(request):
    if request.param != "postgres":
        ledger = MemoryLedger(VirtualClock())
        if request.param == "remote":
            ledger = RemoteLedger(ledger, nearby.link())
    else:
        ledger = PostgresLedger(request.getfixturevalue("schema_url"), 3.0)
    made = Case(ledger)
    made.epoch = await ledger.begin_term("a")
    yield made
    if request.param == "postgres":
        await ledger.close()


def arrival(event, seconds=0, *, found=False):
    return Arrival(event=event, at=after(seconds), found=found)


def assigned(session):
    return on_outcome(session, o.Done(), after(20), TIMING)


class TestTerms:
    async def test_they_only_grow(self, case):
        assert await case.ledger.begin_term("b") == case.epoch + 1
        assert await case.ledger.begin_term("a") == case.epoch + 2

    async def test_only_who_has_the_newest_renews_it(self, case):
        assert await case.ledger.renew_term("a") == case.epoch + 1
        with pytest.raises(StaleTerm):
            await case.ledger.renew_term("b")
        assert await case.ledger.renew_term("a") == case.epoch + 2

    async def test_no_transaction_of_an_older_one_begins(self, case):
        await case.ledger.begin_term("b")
        with pytest.raises(StaleTerm):
            await case.write(waiting())

    async def test_none_of_one_that_never_was(self, case):
        with pytest.raises(StaleTerm):
            async with case.ledger.transaction(Epoch(case.epoch + 1)):
                pytest.fail("it began")

    async def test_a_new_one_waits_for_the_transaction_that_runs(self, case):
        async with case.transaction() as tx:
            beginning = asyncio.create_task(case.ledger.begin_term("b"))
            await asyncio.sleep(0.2)
            assert not beginning.done()
            changes = Changes()
            changes.note(None, waiting())
            await tx.write(changes)
        case.epoch = await beginning
        assert await case.rows(waiting()) == [waiting()]


class TestATransaction:
    async def test_what_is_written_is_there_afterwards_to_the_last_field(self, case):
        session = replace(
            await case.given(),
            state=State.DOUBT,
            due_at=after(1.000001),
            unknown_at=after(0.999999),
            checked_at=NOON,
            tries=3,
            refusals=2,
            avoid=(AgentId(2**40), AgentId(3)),
            resolve_seen=True,
            again_at=after(5),
            previous=2**62,
            reopened=True,
        )
        await case.write((reserved(waiting(room="1")), session))
        assert await case.rows(session) == [session]

    async def test_what_it_wrote_it_reads(self, case):
        async with case.transaction() as tx:
            changes = Changes()
            changes.note(None, waiting())
            await tx.write(changes)
            assert list((await tx.sessions([waiting().id])).values()) == [waiting()]

    async def test_one_that_breaks_off_leaves_nothing(self, case):
        async def work(tx):
            await tx.record([arrival(came(1))], NOON)
            changes = Changes()
            changes.note(None, waiting())
            await tx.write(changes)
            await tx.put_policy(APP, {"paused": True}, NOON)

        await case.break_off(work)
        assert await case.rows(waiting()) == [None]
        assert not (await case.ask("policy", APP)).paused
        assert len((await case.ask("record", [arrival(came(1))], NOON)).fresh) == 1

    async def test_one_whose_work_is_cancelled_leaves_nothing_and_the_ledger_works_on(self, case):
        async def stuck():
            async with case.transaction() as tx:
                changes = Changes()
                changes.note(None, waiting())
                await tx.write(changes)
                await asyncio.sleep(60)

        task = asyncio.create_task(stuck())
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await case.rows(waiting()) == [None]

    async def test_it_answers_a_ping(self, case):
        await case.ledger.ping()


class TestWhatTheSchemaRefuses:
    async def refused(self, case, *pairs):
        with pytest.raises(Conflict):
            await case.write(*pairs)

    async def test_two_open_sessions_for_a_room(self, case):
        await case.write(waiting(1))
        await self.refused(case, waiting(2))
        assert await case.rows(waiting(2)) == [None]

    async def test_two_of_them_in_one_go(self, case):
        await self.refused(case, waiting(1), waiting(2))

    async def test_but_not_a_second_one_where_the_first_has_ended_even_in_the_same_go(self, case):
        await case.write(waiting(1))
        over_now = ended(waiting(1), State.WITHDRAWN, after(5), "resolved")
        await case.write((waiting(1), over_now), waiting(2))
        assert await case.rows(waiting(1), waiting(2)) == [over_now, waiting(2)]

    async def test_nor_the_same_room_of_another_app(self, case):
        await case.write(waiting(1))
        await case.write(replace(waiting(2), app=OTHER))

    async def test_a_slot_beyond_the_capacity(self, case):
        await case.write(waiting(1))
        await self.refused(case, (waiting(1), reserved(slot=3, capacity=2)))

    async def test_slot_zero(self, case):
        await case.write(waiting(1))
        before = waiting(1)
        await self.refused(case, (before, reserved(before, slot=-1)))

    async def test_two_sessions_on_a_slot(self, case):
        await case.given(1)
        await case.write(waiting(2, room="2"))
        await self.refused(case, (waiting(2, room="2"), reserved(waiting(2, room="2"))))

    async def test_two_sessions_on_a_slot_in_one_go(self, case):
        pair = [waiting(n, room=str(n)) for n in (1, 2)]
        await case.write(*pair)
        await self.refused(case, *((one, reserved(one)) for one in pair))

    async def test_but_not_the_slot_of_one_who_leaves_in_the_same_go(self, case):
        first = await case.given(1)
        second = waiting(2, room="2")
        await case.write(second)
        await case.write((first, on_outcome(first, o.NotSent(), after(20), TIMING)), (second, reserved(second)))
        assert [one.slot for one in await case.rows(first, second)] == [None, 1]

    async def test_a_session_under_way_without_a_slot(self, case):
        await case.write(waiting(1))
        await self.refused(case, (waiting(1), replace(reserved(), slot=None)))
        await self.refused(case, (waiting(1), replace(reserved(), agent=None, slot=None)))

    async def test_a_waiting_session_with_a_slot(self, case):
        await self.refused(case, replace(waiting(1), agent=AGENT, slot=1, capacity=2))

    async def test_an_ended_session_without_an_end_and_an_open_one_with_one(self, case):
        await self.refused(case, replace(waiting(1), state=State.RESOLVED))
        await self.refused(case, replace(waiting(1), ended_at=NOON))

    async def test_a_session_on_a_slot_that_was_never_given_out(self, case):
        """A row that claims to have had it already: the slots know nothing of it."""
        session = reserved()
        await self.refused(case, (session, replace(session, tries=1)))


class TestTimesThatLieAhead:
    """Written by a predecessor whose clock ran ahead."""

    async def test_who_is_due_or_was_seen_later_than_a_moment_is_found(self, case):
        soon, late = (replace(waiting(n, room=str(n)), verify=True, due_at=after(due)) for n, due in ((1, 10), (2, 90)))
        await case.write(soon, late)
        served = await case.given(3)
        await case.write((served, replace(assigned(served), checked_at=after(100))))
        found = await case.ask("ahead", [APP], after(60))
        assert {one.room for one in found} == {"2", "3"}
        assert await case.ask("ahead", [OTHER], after(60)) == []

    async def test_who_is_in_turn_is_not(self, case):
        await case.write(waiting(1))
        assert await case.ask("ahead", [APP], after(-60)) == []


class TestSlots:
    async def test_an_agents_slots_are_taken_and_freed(self, case):
        first, _ = await case.given(1), await case.given(2, slot=2)
        assert (await case.ask("loads", APP, NOON))[AGENT].taken == {1, 2}
        await case.write((first, on_outcome(first, o.NotSent(), after(20), TIMING)))
        assert (await case.ask("loads", APP, NOON))[AGENT].taken == {2}

    async def test_an_end_that_was_only_found_is_not_counted_as_just_closed(self, case):
        """Nobody knows how long ago it was."""
        session = await case.given(1)
        await case.write((session, assigned(session)))
        await case.write((assigned(session), on_view(assigned(session), o.Over(), after(60), TIMING)))
        assert (await case.ask("loads", APP, after(59)))[AGENT].closed == 0

    async def test_doubt_holds_its_slot(self, case):
        session = await case.given(1)
        await case.write((session, on_outcome(session, o.Unknown("reset"), after(20), TIMING)))
        assert (await case.ask("loads", APP, NOON))[AGENT].taken == {1}

    async def test_an_assigned_session_holds_its_slot_and_its_end_frees_it(self, case):
        session = await case.given(1)
        await case.write((session, assigned(session)))
        assert (await case.ask("loads", APP, NOON))[AGENT].taken == {1}
        await case.write((assigned(session), on_resolved(assigned(session), after(60), TIMING)))
        load = (await case.ask("loads", APP, after(59)))[AGENT]
        assert (load.taken, load.closed) == (frozenset(), 1)

    async def test_what_ended_longer_ago_is_not_counted_as_closed(self, case):
        session = await case.given(1)
        await case.write((session, assigned(session)))
        await case.write((assigned(session), on_resolved(assigned(session), after(60), TIMING)))
        assert (await case.ask("loads", APP, after(60)))[AGENT].closed == 0

    async def test_who_was_taken_over_frees_the_slot_and_stays_assigned(self, case):
        session = assigned(await case.given(1))
        await case.write((reserved(waiting(room="1")), session))
        await case.write((session, on_view(session, o.Served(ours=False), after(60), TIMING)))
        assert (await case.ask("loads", APP, NOON))[AGENT].taken == frozenset()

    async def test_another_agent_in_the_same_go_moves_the_slot(self, case):
        session = await case.given(1)
        other = replace(session, agent=AgentId(8), slot=2)
        await case.write((session, other))
        loads = await case.ask("loads", APP, NOON)
        assert (loads[AGENT].taken, loads[AgentId(8)].taken) == (frozenset(), {2})

    async def test_a_change_that_keeps_the_slot_does_not_touch_who_is_idle_longest(self, case):
        session = await case.given(1)
        before = (await case.ask("loads", APP, NOON))[AGENT].busy_at
        await case.write((session, assigned(session)))
        assert (await case.ask("loads", APP, NOON))[AGENT].busy_at == before

    async def test_apps_have_agents_of_their_own(self, case):
        await case.given(1)
        assert await case.ask("loads", OTHER, NOON) == {}

    async def test_from_where_their_sessions_are_is_told_where_it_is_asked_for(self, case):
        for number, lane in enumerate(["wa", "wa", "ig:3"], 1):
            before = waiting(number, room=str(number), lane=lane)
            now = reserved(before, slot=number, capacity=3)
            await case.write(before)
            await case.write((before, now))
        await case.write((now, on_outcome(now, o.NotSent(), after(20), TIMING)))
        loads = await case.ask("loads", APP, NOON, by_lane=True)
        assert loads[AGENT].by_lane == {"wa": 2}
        assert (await case.ask("loads", APP, NOON))[AGENT].by_lane == {}
        assert await case.ask("loads", OTHER, NOON, by_lane=True) == {}


class TestLastAgents:
    async def served(self, case, number, agent, *, ended, room="100"):
        session = assigned(await case.given(number, agent=AgentId(agent), room=room))
        await case.write((reserved(waiting(number, room=room), agent=AgentId(agent)), session))
        await case.write((session, on_resolved(session, after(ended), TIMING)))

    async def test_who_served_a_room_last_is_known(self, case):
        await self.served(case, 1, 7, ended=60)
        await self.served(case, 2, 8, ended=120)
        await self.served(case, 3, 9, ended=90, room="200")
        rooms = [RoomId("100"), RoomId("200"), RoomId("300")]
        assert await case.ask("last_agents", APP, rooms, NOON) == {"100": 8, "200": 9}
        assert await case.ask("last_agents", APP, rooms[1:], NOON) == {"200": 9}
        assert await case.ask("last_agents", OTHER, rooms, NOON) == {}
        assert await case.ask("last_agents", APP, [], NOON) == {}

    async def test_what_ended_longer_ago_is_forgotten(self, case):
        await self.served(case, 1, 7, ended=60)
        assert await case.ask("last_agents", APP, [RoomId("100")], after(59)) == {"100": 7}
        assert await case.ask("last_agents", APP, [RoomId("100")], after(60)) == {}

    async def test_whoever_is_served_or_went_away_says_nothing(self, case):
        await case.given(1, room="100")
        other = waiting(2, room="200")
        await case.write(other)
        await case.write((other, on_resolved(other, after(60), TIMING)))
        assert await case.ask("last_agents", APP, [RoomId("100"), RoomId("200")], NOON) == {}


class TestRecording:
    async def fresh(self, case, *arrivals):
        return [one.event.id for one in (await case.ask("record", list(arrivals), NOON)).fresh]

    async def test_each_event_is_fresh_once(self, case):
        assert await self.fresh(case, arrival(came(1)), arrival(came(2))) == [came(1).id, came(2).id]
        assert await self.fresh(case, arrival(came(1)), arrival(came(3))) == [came(3).id]

    async def test_twice_in_one_go_it_is_fresh_once(self, case):
        assert await self.fresh(case, arrival(came(1)), arrival(came(1))) == [came(1).id]

    async def test_a_resolve_under_another_id_is_known_by_its_number(self, case):
        assert len(await self.fresh(case, arrival(over(1, service=5)))) == 1
        assert await self.fresh(case, arrival(over(2, service=5))) == []
        assert await self.fresh(case, arrival(over(3, service=6)), arrival(over(4, service=6))) == [over(3).id]

    async def test_a_resolve_without_a_number_is_known_by_its_id_alone(self, case):
        assert len(await self.fresh(case, arrival(over(1)), arrival(over(2)))) == 2

    async def test_the_numbers_of_apps_do_not_mix(self, case):
        await self.fresh(case, arrival(over(1, service=5)))
        assert len(await self.fresh(case, arrival(msg(over(2, service=5), app=OTHER)))) == 1

    async def test_their_order_is_kept(self, case):
        events = [arrival(came(n, room=str(n)), n) for n in (5, 3, 9, 1)]
        assert await self.fresh(case, *events) == [one.event.id for one in events]

    async def test_the_open_session_of_each_room_is_known(self, case):
        session = await case.given(1, room="100")
        known = await case.ask("record", [arrival(came(2)), arrival(came(3, room="200"))], NOON)
        assert known.sessions == {(APP, RoomId("100")): session}

    async def test_how_a_rooms_last_session_ended_is_known(self, case):
        await case.write(waiting(1, previous=4))
        await case.write((waiting(1, previous=4), ended(waiting(1, previous=4), State.WITHDRAWN, after(5), "over")))
        known = await case.ask("record", [arrival(came(2))], NOON)
        assert known.ends == {(APP, RoomId("100")): End(at=after(5), service=None, previous=4)}

    async def test_a_resolve_of_a_room_we_never_knew_is_remembered_with_the_largest_number(self, case):
        await case.ask("record", [arrival(over(1, service=6), 1), arrival(over(2, service=5), 2)], NOON)
        known = await case.ask("record", [arrival(came(3))], NOON)
        assert known.ends == {(APP, RoomId("100")): End(at=after(2), service=6, previous=None)}

    async def test_a_room_without_an_end_has_none(self, case):
        assert (await case.ask("record", [arrival(came(3))], NOON)).ends == {}

    async def test_what_a_sweep_found_is_always_fresh_and_leaves_no_event(self, case):
        found = arrival(came(1), found=True)
        assert await self.fresh(case, found) == await self.fresh(case, found) == [came(1).id]
        assert await self.fresh(case, arrival(came(1))) == [came(1).id]

    async def test_a_room_parked_a_moment_ago_is_not_found_again_but_its_customer_may_write(self, case):
        await case.write(ended(waiting(1), State.PARKED, after(0), "HTTP 422"))
        soon, later = after(3599), after(3601)
        assert (await case.ask("record", [arrival(came(2), found=True)], soon)).fresh == []
        assert len((await case.ask("record", [arrival(came(2), found=True)], later)).fresh) == 1
        assert len((await case.ask("record", [arrival(came(3))], soon)).fresh) == 1

    async def test_nothing_to_record_is_nothing(self, case):
        known = await case.ask("record", [], NOON)
        assert (list(known.fresh), known.sessions, known.ends) == ([], {}, {})


def msg(event, **changes):
    """``event`` with changes."""
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return type(event)(**(fields | changes))


class TestHeads:
    async def test_of_each_lane_the_oldest_come_in_order_and_only_so_many(self, case):
        sessions = [
            waiting(n, room=str(n), lane="wa" if n % 2 else "line:3", since=after(100 - n)) for n in range(1, 21)
        ]
        await case.write(*sessions)
        heads = await case.ask("heads", APP, 3)
        assert {lane: [one.room for one in line] for lane, line in heads.items()} == {
            "line:3": ["20", "18", "16"],
            "wa": ["19", "17", "15"],
        }

    async def test_of_the_same_moment_the_smaller_id_comes_first(self, case):
        await case.write(*(waiting(n, room=str(n)) for n in (3, 1, 2)))
        assert [one.room for one in (await case.ask("heads", APP, 9))[Lane("wa")]] == ["1", "2", "3"]

    async def test_only_those_who_wait_for_their_turn_come(self, case):
        await case.given(1)
        await case.write(waiting(2, room="2", verify=True), replace(waiting(3, room="3"), due_at=after(9)))
        await case.write(replace(waiting(4, room="4"), app=OTHER), waiting(5, room="5"))
        heads = await case.ask("heads", APP, 9)
        assert [one.room for line in heads.values() for one in line] == ["5"]

    async def test_nobody_waits(self, case):
        assert await case.ask("heads", APP, 9) == {}


class TestDue:
    async def sessions(self, case):
        """Four sessions, due after 10, 20, 30 and 40 seconds; a fifth is not."""
        made = [replace(waiting(n, room=str(n)), due_at=after(10 * n)) for n in (3, 1, 4, 2)]
        await case.write(*made, waiting(5, room="5"))
        return {one.room: one for one in made}

    async def due(self, case, seconds, *, at_most=9, skip=(), apps=(APP,)):
        due = await case.ask("due", after(seconds), at_most, skip, apps)
        return [one.room for one in due.sessions], due.next_at

    async def test_the_longest_due_comes_first_and_the_next_is_told(self, case):
        await self.sessions(case)
        assert await self.due(case, 25) == (["1", "2"], after(30))

    async def test_nobody_is_due_yet(self, case):
        await self.sessions(case)
        assert await self.due(case, 5) == ([], after(10))

    async def test_all_are_due(self, case):
        await self.sessions(case)
        assert await self.due(case, 40) == (["1", "2", "3", "4"], None)

    async def test_more_are_due_than_come_so_the_next_look_is_at_once(self, case):
        await self.sessions(case)
        assert await self.due(case, 40, at_most=2) == (["1", "2"], after(40))

    async def test_those_whose_room_is_being_read_do_not_come_and_do_not_wake(self, case):
        sessions = await self.sessions(case)
        skip = [sessions["1"].id, sessions["3"].id]
        assert await self.due(case, 25, skip=skip) == (["2"], after(40))

    async def test_apps_that_cannot_be_reached_do_not_come_and_do_not_wake(self, case):
        await self.sessions(case)
        assert await self.due(case, 25, apps=[OTHER]) == ([], None)
        assert await self.due(case, 25, apps=[]) == ([], None)


class TestUnsettled:
    async def test_those_under_way_come_in_the_order_they_were_reserved(self, case):
        first, second = await case.given(1), await case.given(2, slot=2)
        doubtful = replace(on_outcome(second, o.Unknown("reset"), after(20), TIMING), reserved_at=after(1))
        third = await case.given(3, agent=AgentId(8))
        await case.write((second, doubtful), (third, assigned(third)), waiting(4, room="4"))
        assert await case.ask("unsettled", [APP]) == [doubtful, first]
        assert list(await case.ask("unsettled", [OTHER])) == []


class TestPolicies:
    async def put(self, case, spec, app=APP):
        return await case.ask("put_policy", app, spec, NOON)

    async def test_before_any_was_given_the_standard_is_in_force(self, case):
        assert await case.ask("policy", APP) == standard()

    async def test_the_newest_is_in_force(self, case):
        assert await self.put(case, {"capacity": {"default": 3}}) == 1
        assert await self.put(case, {"capacity": {"default": 4}}) == 2
        policy = await case.ask("policy", APP)
        assert (policy.version, policy.default_capacity) == (2, 4)

    async def test_the_same_again_is_the_same_version(self, case):
        spec = {"paused": True, "capacity": {"default": 3}}
        assert await self.put(case, spec) == 1
        assert await self.put(case, {"capacity": {"default": 3}, "paused": True}) == 1

    async def test_an_older_one_given_again_is_a_new_version(self, case):
        for spec in ({"paused": True}, {"paused": False}):
            await self.put(case, spec)
        assert await self.put(case, {"paused": True}) == 3

    async def test_an_invalid_newest_is_passed_over(self, case):
        await self.put(case, {"capacity": {"default": 3}})
        await self.put(case, {"capacity": "many"})
        policy = await case.ask("policy", APP)
        assert (policy.version, policy.default_capacity) == (1, 3)
        await self.put(case, {"capacity": {"default": 5}})
        assert (await case.ask("policy", APP)).version == 3

    async def test_apps_have_policies_of_their_own(self, case):
        await self.put(case, {"paused": True})
        assert not (await case.ask("policy", OTHER)).paused

    async def test_one_that_was_rolled_back_was_never_in_force(self, case):
        async def work(tx):
            await tx.put_policy(APP, {"capacity": {"default": 9}}, NOON)
            assert (await tx.policy(APP)).default_capacity == 9

        await case.break_off(work)
        assert await case.ask("policy", APP) == standard()
        await self.put(case, {"capacity": {"default": 4}})
        assert (await case.ask("policy", APP)).default_capacity == 4


class TestAudits:
    def audit(self, *, checked_before=NOON, waiting_before=NOON, unserved=frozenset(), at_most=9):
        return Audit(checked_before=checked_before, waiting_before=waiting_before, unserved=unserved, at_most=at_most)

    async def served(self, case, count):
        """Assigned sessions, at 20 seconds, on agents of their own."""
        made = []
        for number in range(1, count + 1):
            session = await case.given(number, agent=AgentId(number))
            now = replace(assigned(session), assigned_at=after(20 + number))
            await case.write((session, now))
            made.append(now)
        return made

    async def test_served_rooms_that_were_not_read_for_long_are_to_be_read_the_oldest_first(self, case):
        sessions = await self.served(case, 4)
        found = await case.ask("to_audit", APP, self.audit(checked_before=after(23.5), at_most=2))
        assert [one.id for one in found] == [one.id for one in sessions[:2]]

    async def test_what_some_agents_serve_is_found_by_the_agents(self, case):
        first, second, third = await self.served(case, 3)
        found = await case.ask("served_by", APP, [AgentId(3), AgentId(1)], after(99), 9)
        assert [one.id for one in found] == [first.id, third.id]
        assert [one.id for one in await case.ask("served_by", APP, [AgentId(3), AgentId(1)], after(99), 1)] == [
            first.id
        ]
        assert list(await case.ask("served_by", APP, [AgentId(2)], after(22), 9)) == []
        assert list(await case.ask("served_by", OTHER, [AgentId(2)], after(99), 9)) == []
        await case.write((second, replace(second, due_at=after(30))))
        assert list(await case.ask("served_by", APP, [AgentId(2)], after(99), 9)) == []

    async def test_what_was_read_since_is_left_alone(self, case):
        (session,) = await self.served(case, 1)
        await case.write((session, replace(session, checked_at=after(50))))
        assert list(await case.ask("to_audit", APP, self.audit(checked_before=after(45)))) == []

    async def test_what_waits_long_and_is_not_on_the_platforms_list_is_to_be_read_and_keeps_its_turn(self, case):
        await case.write(waiting(1, room="1"), waiting(2, room="2"), waiting(3, room="3", since=after(50)))
        audit = self.audit(waiting_before=after(10), unserved=frozenset({RoomId("2")}))
        (found,) = await case.ask("to_audit", APP, audit)
        assert (found.room, found.verify, found.due_at) == ("1", False, None)

    async def test_a_list_that_broke_off_says_nothing_of_who_waits(self, case):
        await case.write(waiting(1))
        assert list(await case.ask("to_audit", APP, self.audit(waiting_before=after(10), unserved=None))) == []

    async def test_another_apps_rows_are_left_alone(self, case):
        await self.served(case, 1)
        await case.write(waiting(9, room="9"))
        audit = self.audit(checked_before=after(99), waiting_before=after(99))
        assert list(await case.ask("to_audit", OTHER, audit)) == []


class TestStanding:
    async def test_an_empty_app(self, case):
        standing = await case.ledger.standing(APP)
        assert (standing.waiting, standing.oldest, standing.slots_used, standing.states) == ({}, None, 0, {})

    async def test_who_waits_where_and_since_when_and_who_is_served(self, case):
        await case.given(1)
        await case.write(
            waiting(2, room="2", since=after(5)),
            waiting(3, room="3", since=after(7)),
            waiting(4, room="4", lane="line", since=after(6)),
            waiting(5, room="5", since=after(1), verify=True),
        )
        standing = await case.ledger.standing(APP)
        assert standing.waiting == {"wa": (2, after(5)), "line": (1, after(6))}
        assert (standing.not_in_turn, standing.oldest, standing.slots_used) == (1, after(1), 1)
        assert standing.states == {"waiting": 4, "reserved": 1}
        assert (standing.oldest_doubt, standing.parked) == (None, 0)

    async def test_since_when_there_is_doubt(self, case):
        session = await case.given(1)
        await case.write((session, replace(session, state=State.DOUBT, unknown_at=after(3), due_at=after(4))))
        assert (await case.ledger.standing(APP)).oldest_doubt == after(3)

    async def test_who_is_parked_until_somebody_is_in_the_room_again(self, case):
        parked = {"state": State.PARKED, "ended_at": after(5)}
        await case.write(*(replace(waiting(number, room=str(number)), **parked) for number in (1, 2)))
        assert (await case.ledger.standing(APP)).parked == 2
        await case.write(waiting(3, room="1", since=after(9)))
        assert (await case.ledger.standing(APP)).parked == 1
        await case.write(replace(waiting(4, room="2"), state=State.WITHDRAWN, ended_at=after(9)))
        assert (await case.ledger.standing(APP)).parked == 0


class TestForgetting:
    async def test_old_events_and_old_ended_sessions_go_and_nothing_else(self, case):
        await case.ask("record", [arrival(came(1)), arrival(came(2))], NOON)
        await case.ask("record", [arrival(came(3))], after(100))
        await case.write(
            ended(waiting(1), State.WITHDRAWN, NOON, "over"),
            ended(waiting(2), State.WITHDRAWN, after(100), "over"),
            waiting(3, since=NOON - timedelta(days=99)),
        )
        assert await case.ask("forget", after(50), after(50)) == 3
        assert await case.rows(waiting(1)) == [None]
        assert None not in await case.rows(waiting(2), waiting(3))
        known = await case.ask("record", [arrival(came(n)) for n in (1, 2, 3)], NOON)
        assert [one.event.id for one in known.fresh] == [came(1).id, came(2).id]

    async def test_a_slot_in_use_is_never_forgotten(self, case):
        session = await case.given(1)
        await case.ask("forget", after(10_000), after(10_000))
        assert await case.rows(session) == [session]
        assert (await case.ask("loads", APP, NOON))[AGENT].taken == {1}
