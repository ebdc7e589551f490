"""What the leader may expect of the ledger: the one in memory and the one in Postgres alike."""

from dataclasses import replace
from datetime import timedelta

from conformance.allocator.ledger_case import OTHER, arrival, assigned
from unit.allocator.making import AGENT, APP, NOON, TIMING, after, came, over, waiting

from allocator.core import outcomes as o
from allocator.core.ids import AgentId, Lane, RoomId
from allocator.core.intake import End
from allocator.core.lifecycle import ended, on_outcome
from allocator.core.policy import standard
from allocator.core.session import State
from allocator.ports import Audit


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

    async def test_an_end_that_is_told_in_the_same_breath_is_known_and_counts_with_earlier_ones(self, case):
        known = await case.ask("record", [arrival(over(1, service=6), 1), arrival(came(2), 2)], NOON)
        assert known.ends == {(APP, RoomId("100")): End(at=after(1), service=6, previous=None)}
        known = await case.ask("record", [arrival(came(3), 3), arrival(over(4, service=5), 4)], NOON)
        assert known.ends == {(APP, RoomId("100")): End(at=after(4), service=6, previous=None)}

    async def test_where_a_session_is_open_an_end_that_is_told_says_nothing_of_the_room_yet(self, case):
        session = await case.given(1, room="100")
        known = await case.ask("record", [arrival(over(2, service=6), 1)], NOON)
        assert (known.sessions, known.ends) == ({(APP, RoomId("100")): session}, {})

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
        heads = await case.heads(APP, 3)
        assert {lane: [one.room for one in line] for lane, line in heads.items()} == {
            "line:3": ["20", "18", "16"],
            "wa": ["19", "17", "15"],
        }

    async def test_of_the_same_moment_the_smaller_id_comes_first(self, case):
        await case.write(*(waiting(n, room=str(n)) for n in (3, 1, 2)))
        assert [one.room for one in (await case.heads(APP, 9))[Lane("wa")]] == ["1", "2", "3"]

    async def test_only_those_who_wait_for_their_turn_come(self, case):
        await case.given(1)
        await case.write(waiting(2, room="2", verify=True), replace(waiting(3, room="3"), due_at=after(9)))
        await case.write(replace(waiting(4, room="4"), app=OTHER), waiting(5, room="5"))
        heads = await case.heads(APP, 9)
        assert [one.room for line in heads.values() for one in line] == ["5"]

    async def test_nobody_waits(self, case):
        assert await case.heads(APP, 9) == {}


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


class TestTraces:
    async def test_the_trace_of_who_waits_is_there_for_the_next_leader(self, case):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        with_trace, without = replace(waiting(1, room="1"), trace=trace), waiting(2, room="2")
        await case.write(with_trace, without)
        assert await case.rows(with_trace, without) == [with_trace, without]


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
        assert await case.policy(APP) == standard()

    async def test_the_newest_is_in_force(self, case):
        assert await self.put(case, {"capacity": {"default": 3}}) == 1
        assert await self.put(case, {"capacity": {"default": 4}}) == 2
        policy = await case.policy(APP)
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
        policy = await case.policy(APP)
        assert (policy.version, policy.default_capacity) == (1, 3)
        await self.put(case, {"capacity": {"default": 5}})
        assert (await case.policy(APP)).version == 3

    async def test_apps_have_policies_of_their_own(self, case):
        await self.put(case, {"paused": True})
        assert not (await case.policy(OTHER)).paused

    async def test_one_that_was_rolled_back_was_never_in_force(self, case):
        async def work(tx):
            await tx.put_policy(APP, {"capacity": {"default": 9}}, NOON)
            assert (await tx.survey(APP, NOON, 0)).policy.default_capacity == 9

        await case.break_off(work)
        assert await case.policy(APP) == standard()
        await self.put(case, {"capacity": {"default": 4}})
        assert (await case.policy(APP)).default_capacity == 4

    async def test_whose_policy_changed_is_told_by_version(self, case):
        version = await self.put(case, {"paused": True})
        assert (await case.ask("news", {APP: 0, OTHER: 0})).policies == [APP]
        assert (await case.ask("news", {APP: version, OTHER: 0})).policies == []
        assert (await case.ask("news", {})).policies == []

    async def test_which_version_is_used_is_noted_over_and_over(self, case):
        for version in (1, 1, 3):
            await case.ask("use_policy", APP, version, NOON)


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
        assert (await case.loads(APP, NOON))[AGENT].taken == {1}
