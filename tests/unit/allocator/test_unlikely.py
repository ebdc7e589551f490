"""What a leader makes of what hardly ever happens: clocks that jump, commits that are lost, customers who come back."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from unit.allocator.leading import in_a_world
from unit.allocator.making import APP, NOON, TIMING, after, reserved, waiting

from allocator.adapters import clock as clocks
from allocator.core import outcomes as o
from allocator.core.lifecycle import farthest, on_clock_back, on_outcome
from allocator.core.plan import AVOIDED_FOR, head_of
from allocator.core.session import State
from allocator.ports import StaleTerm, Unavailable

HOUR = timedelta(hours=1)


class Jumping(datetime):
    """The time of day of a machine whose clock is set back after the first look."""

    looks = 0

    @classmethod
    def now(cls, tz=None):
        cls.looks += 1
        return datetime.now(tz) - (HOUR if cls.looks > 1 else timedelta())


def test_a_process_goes_by_the_time_of_day_at_which_it_began(monkeypatch):
    monkeypatch.setattr(clocks, "datetime", Jumping)
    clock = clocks.SystemClock()
    assert abs(clock.wall() - datetime.now(UTC)) < timedelta(minutes=1)


def test_what_a_clock_that_ran_ahead_put_off_is_due_now():
    ahead = replace(waiting(verify=True), due_at=NOON + HOUR)
    assert on_clock_back(ahead, NOON).due_at == NOON
    served = replace(on_outcome(reserved(), o.Done(), NOON + HOUR, TIMING), checked_at=NOON + HOUR)
    found = on_clock_back(served, NOON)
    assert (found.due_at, found.assigned_at, found.checked_at) == (None, NOON, NOON)


def test_what_a_clock_that_ran_ahead_gave_up_may_land_for_the_quarantine_from_now_and_not_an_hour_longer():
    sent_twice = replace(on_outcome(reserved(), o.Unknown("reset"), NOON + HOUR, TIMING), due_at=NOON)
    assert on_clock_back(sent_twice, NOON).unknown_at == NOON


def test_nothing_that_we_put_off_ourselves_lies_so_far_ahead():
    doubtful = on_outcome(reserved(), o.Unknown("reset"), after(20), TIMING)
    assert doubtful.due_at < after(20) + farthest(TIMING)


@in_a_world()
async def test_a_new_leader_looks_at_what_its_predecessors_clock_put_off(world):
    world.platform.agent(1)
    async with world.leading():
        world.writes("100")
        await world.until(r100=State.ASSIGNED)
    (session,) = world.sessions()
    rows = world.ledger.rows.copy()
    rows.put(replace(session, due_at=world.clock.wall() + HOUR))
    world.ledger.rows = rows
    world.platform.resolve(session.room)
    async with world.leading():
        await asyncio.sleep(5)
    assert world.states() == {"100": State.RESOLVED}


@pytest.mark.parametrize(("seconds", "avoided"), [(4.9, {7}), (5.1, set())])
def test_a_refused_agent_is_avoided_for_a_while_and_then_tried_again(seconds, avoided):
    """There may be nobody else."""
    refused = on_outcome(reserved(now=NOON), o.AgentRefused("HTTP 400"), NOON, TIMING)
    assert AVOIDED_FOR.total_seconds() == 5
    assert head_of(refused, after(seconds), None).avoid == avoided


@in_a_world(sweep_s=5.0)
async def test_what_a_lost_commit_left_reserved_is_taken_up_with_a_sweep(world):
    """The leader's connection need not have broken in the middle of anything."""
    world.platform.agent(1)
    async with world.leading():
        world.writes("100")
        await world.until(r100=State.ASSIGNED)
        (session,) = world.sessions()
        rows = world.ledger.rows.copy()
        rows.put(replace(session, state=State.RESERVED, assigned_at=None))
        world.ledger.rows = rows
        await asyncio.sleep(8)
        await world.until(r100=State.ASSIGNED)
    assert [one.what for one in world.platform.record] == ["assigned"]
    assert (APP, "reservation_forgotten") in world.watch.drifts


@in_a_world()
async def test_a_new_leader_does_not_announce_into_a_room_of_whose_end_the_inbox_tells(world):
    world.platform.agent(1)
    await world.crash_at_assign("after")
    world.resolves("100", service=1)
    asked = world.platform.script.calls.count("assign")
    async with world.leading():
        await asyncio.sleep(5)
    assert world.platform.script.calls.count("assign") == asked
    assert world.ledger.rows.slots, "the request of the one that crashed may still land"


@in_a_world()
async def test_who_does_not_have_the_newest_term_begins_none_of_its_own(world):
    world.platform.agent(1)
    leader = world.leader("a")
    running = asyncio.create_task(leader.run())
    await asyncio.sleep(1)
    await world.ledger.begin_term("b")
    world.ledger.script.before("transaction", Unavailable("connection reset"))
    world.writes("100")
    with pytest.raises(StaleTerm):
        await running
    await leader.close()
    assert world.ledger.rows.leader == "b"


@in_a_world()
async def test_after_lost_commits_nobody_is_given_out_until_the_platform_shows_who_was(world):
    """The slot that we gave away is free in the rows, and for as long as its counts are late nobody can tell."""
    world.platform.agent(1)
    world.platform.count_lag_s = 2.0
    async with world.leading():
        world.writes("100")
        await world.until(r100=State.ASSIGNED)
        rows = world.ledger.rows.copy()
        (session,) = rows.sessions.values()
        rows.free(session.id)
        rows.put(replace(session, state=State.WAITING, agent=None, slot=None, reserved_at=None, assigned_at=None))
        world.ledger.rows = rows
        world.ledger.script.before("transaction", Unavailable("connection reset"))
        for room in ("101", "102"):
            world.writes(room)
        await asyncio.sleep(1)
        assert world.sent() == ["100"]
        await asyncio.sleep(12)
    assert len(world.sent()) == 2
    assert world.platform.customers_of(1) == 2
