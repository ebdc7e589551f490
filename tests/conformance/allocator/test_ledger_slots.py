"""What the leader may expect of every ledger alike: slots, and who has had them."""

import asyncio
from dataclasses import replace

import pytest
from conformance.allocator.ledger_case import OTHER, assigned
from unit.allocator.making import AGENT, APP, NOON, TIMING, after, reserved, waiting

from allocator.core import outcomes as o
from allocator.core.ids import AgentId, RoomId
from allocator.core.lifecycle import ended, on_outcome, on_resolved
from allocator.core.readings import on_view
from allocator.core.session import State
from allocator.ports import Conflict


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


class TestSlots:
    async def test_an_agents_slots_are_taken_and_freed(self, case):
        first, _ = await case.given(1), await case.given(2, slot=2)
        assert (await case.loads(APP, NOON))[AGENT].taken == {1, 2}
        await case.write((first, on_outcome(first, o.NotSent(), after(20), TIMING)))
        assert (await case.loads(APP, NOON))[AGENT].taken == {2}

    async def test_an_end_that_was_only_found_is_not_counted_as_just_closed(self, case):
        """Nobody knows how long ago it was."""
        session = await case.given(1)
        await case.write((session, assigned(session)))
        await case.write((assigned(session), on_view(assigned(session), o.Over(), after(60), TIMING)))
        assert (await case.loads(APP, after(59)))[AGENT].closed == 0

    async def test_doubt_holds_its_slot(self, case):
        session = await case.given(1)
        await case.write((session, on_outcome(session, o.Unknown("reset"), after(20), TIMING)))
        assert (await case.loads(APP, NOON))[AGENT].taken == {1}

    async def test_an_assigned_session_holds_its_slot_and_its_end_frees_it(self, case):
        session = await case.given(1)
        await case.write((session, assigned(session)))
        assert (await case.loads(APP, NOON))[AGENT].taken == {1}
        await case.write((assigned(session), on_resolved(assigned(session), after(60), TIMING)))
        load = (await case.loads(APP, after(59)))[AGENT]
        assert (load.taken, load.closed) == (frozenset(), 1)

    async def test_what_ended_longer_ago_is_not_counted_as_closed(self, case):
        session = await case.given(1)
        await case.write((session, assigned(session)))
        await case.write((assigned(session), on_resolved(assigned(session), after(60), TIMING)))
        assert (await case.loads(APP, after(60)))[AGENT].closed == 0

    async def test_who_was_taken_over_frees_the_slot_and_stays_assigned(self, case):
        session = assigned(await case.given(1))
        await case.write((reserved(waiting(room="1")), session))
        await case.write((session, on_view(session, o.Served(ours=False), after(60), TIMING)))
        assert (await case.loads(APP, NOON))[AGENT].taken == frozenset()

    async def test_another_agent_in_the_same_go_moves_the_slot(self, case):
        session = await case.given(1)
        other = replace(session, agent=AgentId(8), slot=2)
        await case.write((session, other))
        loads = await case.loads(APP, NOON)
        assert (loads[AGENT].taken, loads[AgentId(8)].taken) == (frozenset(), {2})

    async def test_a_change_that_keeps_the_slot_does_not_touch_who_is_idle_longest(self, case):
        session = await case.given(1)
        before = (await case.loads(APP, NOON))[AGENT].busy_at
        await case.write((session, assigned(session)))
        assert (await case.loads(APP, NOON))[AGENT].busy_at == before

    async def test_who_lost_a_customer_is_idle_from_then_on(self, case):
        session = assigned(await case.given(1))
        await case.write((reserved(waiting(room="1")), session))
        before = (await case.loads(APP, NOON))[AGENT].busy_at
        await asyncio.sleep(0.01)
        await case.write((session, on_resolved(session, after(60), TIMING)))
        assert (await case.loads(APP, NOON))[AGENT].busy_at > before

    async def test_apps_have_agents_of_their_own(self, case):
        await case.given(1)
        assert await case.loads(OTHER, NOON) == {}

    async def test_from_where_their_sessions_are_is_told_where_it_is_asked_for(self, case):
        for number, lane in enumerate(["wa", "wa", "ig:3"], 1):
            before = waiting(number, room=str(number), lane=lane)
            now = reserved(before, slot=number, capacity=3)
            await case.write(before)
            await case.write((before, now))
        await case.write((now, on_outcome(now, o.NotSent(), after(20), TIMING)))
        loads = await case.loads(APP, NOON, by_lane=True)
        assert loads[AGENT].by_lane == {"wa": 2}
        assert (await case.loads(APP, NOON))[AGENT].by_lane == {}
        assert await case.loads(OTHER, NOON, by_lane=True) == {}


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
