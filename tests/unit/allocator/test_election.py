"""Who leads, on a lease in memory and a clock of the test's own: no test waits for anything real."""

import asyncio

import pytest

from allocator.election import Elector, LeaseTiming
from allocator.ports import LeaseLost, Unavailable
from support.memory import MemoryLease, VirtualClock, virtually

TIMING = LeaseTiming(ttl_s=10.0, renew_s=2.0, margin_s=1.0, watch_s=0.5)
AWAY = Unavailable("Redis: away")


class Candidates:
    """A lease, and who wants it."""

    def __init__(self):
        self.clock = VirtualClock()
        self.lease = MemoryLease(self.clock)

    def elector(self, owner):
        return Elector(self.lease, self.clock, owner, TIMING)

    def slow(self, seconds):
        """Something to do at a point of a call: let time pass."""
        return lambda: self.clock.sleep(seconds)


def on_a_virtual_clock(test):
    """Run the test's coroutine, which gets candidates, in virtual time."""

    def run():
        async def work():
            await test(Candidates())

        virtually(work())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@on_a_virtual_clock
async def test_who_asks_first_leads_and_is_trusted_for_the_lease_less_a_margin(those):
    trust = await those.elector("a").win()
    assert trust.left() == 9.0
    assert trust.covers(9.0)
    assert not trust.covers(9.1)


@on_a_virtual_clock
async def test_trust_runs_from_the_start_of_the_attempt_however_slow_its_success(those):
    those.lease.script.before("acquire", those.slow(0.6))
    those.lease.script.after("acquire", those.slow(0.3))
    trust = await those.elector("a").win()
    assert trust.left() == pytest.approx(8.1)


@on_a_virtual_clock
async def test_a_slow_renewal_lengthens_trust_only_from_when_it_was_asked_for(those):
    elector = those.elector("a")
    trust = await elector.win()
    keeping = asyncio.create_task(elector.keep(trust))
    those.lease.script.after("renew", those.slow(0.9))
    await asyncio.sleep(2.5)
    assert trust.left() == pytest.approx(9.0 - 2.5)
    await asyncio.sleep(0.5)
    assert trust.left() == pytest.approx(9.0 - 1.0)
    keeping.cancel()


@on_a_virtual_clock
async def test_trust_is_never_longer_than_the_lease_itself(those):
    elector = those.elector("a")
    trust = await elector.win()
    keeping = asyncio.create_task(elector.keep(trust))
    for _ in range(200):
        await asyncio.sleep(0.1)
        assert those.clock.now() + trust.left() <= those.lease._expires_at - TIMING.margin_s + 1e-9
    keeping.cancel()


@on_a_virtual_clock
async def test_a_leader_who_renews_is_never_taken_over(those):
    first, second = those.elector("a"), those.elector("b")
    trust = await first.win()
    keeping = asyncio.create_task(first.keep(trust))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.win(), 3600)
    assert those.lease.holder.owner == "a"
    assert trust.left() > 0
    keeping.cancel()


@on_a_virtual_clock
async def test_where_the_leader_is_gone_the_next_leads_when_the_lease_ends(those):
    await those.elector("a").win()
    await those.elector("b").win()
    assert 10.0 <= those.clock.now() <= 10.0 + TIMING.watch_s


@on_a_virtual_clock
async def test_two_never_have_trust_at_once(those):
    """The first is cut off; whenever the second gets the lease, the first has known for the margin."""
    first = those.elector("a")
    trust = await first.win()
    await those.elector("b").win()
    assert not trust.covers(0)
    assert trust.left() <= -TIMING.margin_s


@on_a_virtual_clock
async def test_a_lease_that_never_ends_is_taken_over_after_twice_its_time_unchanged(those):
    await those.elector("a").win()
    those.lease.never_expire()
    await those.elector("b").win()
    assert 20.0 <= those.clock.now() <= 20.0 + 2 * TIMING.watch_s
    assert those.lease.holder.owner == "b"


@on_a_virtual_clock
async def test_a_lease_that_never_ends_is_left_alone_while_its_counter_moves(those):
    first = those.elector("a")
    trust = await first.win()

    async def keep_slowly():
        while True:
            await asyncio.sleep(15.0)
            await those.lease.renew("a", 10.0)
            those.lease.never_expire()

    those.lease.never_expire()
    keeping = asyncio.create_task(keep_slowly())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(those.elector("b").win(), 600)
    keeping.cancel()
    assert trust.left() < 0


@on_a_virtual_clock
async def test_an_acquire_whose_answer_was_lost_is_recognised_as_ones_own(those):
    those.lease.script.after("acquire", AWAY)
    trust = await those.elector("a").win()
    assert those.clock.now() == TIMING.watch_s
    assert trust.left() == 9.0


@on_a_virtual_clock
async def test_a_renewal_whose_answer_was_lost_is_asked_for_again_soon(those):
    elector = those.elector("a")
    trust = await elector.win()
    keeping = asyncio.create_task(elector.keep(trust))
    those.lease.script.after("renew", AWAY, AWAY)
    await asyncio.sleep(2.5)
    assert trust.left() == pytest.approx(9.0 - 0.1)
    assert not keeping.done()
    keeping.cancel()


@on_a_virtual_clock
async def test_a_renewal_that_is_refused_ends_the_lead_and_all_trust_at_once(those):
    elector = those.elector("a")
    trust = await elector.win()
    those.lease.vanish()
    with pytest.raises(LeaseLost, match="not ours"):
        await elector.keep(trust)
    assert those.clock.now() == TIMING.renew_s
    assert not trust.covers(-1000)


@on_a_virtual_clock
async def test_redis_away_is_borne_while_trust_lasts_and_then_the_lead_is_lost(those):
    elector = those.elector("a")
    trust = await elector.win()
    those.lease.script.before("renew", *[AWAY] * 1000)
    with pytest.raises(LeaseLost, match="run out"):
        await elector.keep(trust)
    assert 9.0 <= those.clock.now() <= 9.3
    assert not trust.covers(0)


@on_a_virtual_clock
async def test_redis_away_for_a_moment_loses_nothing(those):
    elector = those.elector("a")
    trust = await elector.win()
    those.lease.script.before("renew", *[AWAY] * 10)
    keeping = asyncio.create_task(elector.keep(trust))
    await asyncio.sleep(60)
    assert not keeping.done()
    assert trust.left() > 6
    keeping.cancel()


@on_a_virtual_clock
async def test_a_leader_that_was_paused_finds_its_trust_gone_before_it_asks_anybody(those):
    elector = those.elector("a")
    trust = await elector.win()
    asyncio.get_running_loop().stand_still(30.0)
    assert not trust.covers(0)
    with pytest.raises(LeaseLost):
        await elector.keep(trust)


@on_a_virtual_clock
async def test_who_resigns_is_followed_at_once(those):
    first, second = those.elector("a"), those.elector("b")
    trust = await first.win()
    winning = asyncio.create_task(second.win())
    await asyncio.sleep(5.2)
    await first.resign(trust)
    assert not trust.covers(0)
    await winning
    assert those.clock.now() == pytest.approx(5.2)


@on_a_virtual_clock
async def test_who_resigns_without_redis_loses_no_time_over_it(those):
    elector = those.elector("a")
    trust = await elector.win()
    those.lease.script.before("release", AWAY)
    await elector.resign(trust)
    assert not trust.covers(0)


@on_a_virtual_clock
async def test_who_resigns_what_is_somebody_elses_takes_nothing_away(those):
    first = those.elector("a")
    trust = await first.win()
    those.lease.vanish()
    await those.elector("b").win()
    await first.resign(trust)
    assert those.lease.holder.owner == "b"


@on_a_virtual_clock
async def test_a_follower_without_redis_goes_on_trying(those):
    those.lease.script.before("acquire", *[AWAY] * 20)
    await those.elector("a").win()
    assert those.clock.now() == pytest.approx(20 * TIMING.watch_s)


@on_a_virtual_clock
async def test_it_is_in_touch_only_while_redis_answers(those):
    elector = those.elector("a")
    trust = await elector.win()
    those.lease.script.before("renew", *[AWAY] * 1000)
    with pytest.raises(LeaseLost):
        await elector.keep(trust)
    assert elector.in_touch_at == 0.0


@on_a_virtual_clock
async def test_of_a_hundred_who_start_at_once_one_leads(those):
    winners = []

    async def run(owner):
        await those.elector(owner).win()
        winners.append(owner)

    tasks = [asyncio.create_task(run(f"candidate-{n}")) for n in range(100)]
    await asyncio.sleep(5)
    assert len(winners) == 1
    for task in tasks:
        task.cancel()
