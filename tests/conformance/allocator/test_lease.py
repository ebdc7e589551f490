"""What the elector may expect of a lease: the one in memory and the one in Redis alike."""

import asyncio
import time

import pytest

from allocator.adapters.redis import RedisLease
from allocator.ports import Holder
from contract import Keys
from simulation import nearby
from simulation.remote import RemoteLease
from support.memory import MemoryLease, VirtualClock


@pytest.fixture(params=["memory", "remote", "redis"])
async def lease(request):
    if request.param != "redis":
        made = MemoryLease(VirtualClock())
        yield made if request.param == "memory" else RemoteLease(made, nearby.link())
        return
    made = RedisLease(request.getfixturevalue("redis_url"), Keys("conformance"))
    yield made
    await made.close()


async def test_nobody_has_it_and_who_asks_gets_it(lease):
    assert await lease.acquire("a", 10, None) == Holder("a", 0)


async def test_somebody_has_it_and_who_asks_is_told_who(lease):
    await lease.acquire("a", 10, None)
    assert await lease.acquire("b", 10, None) == Holder("a", 0)


async def test_who_has_it_and_asks_again_keeps_it(lease):
    await lease.acquire("a", 10, None)
    await lease.renew("a", 10)
    assert await lease.acquire("a", 10, None) == Holder("a", 1)


async def test_each_renewal_is_counted(lease):
    await lease.acquire("a", 10, None)
    assert [await lease.renew("a", 10) for _ in range(3)] == [True] * 3
    assert await lease.acquire("b", 10, None) == Holder("a", 3)


async def test_only_the_exact_owner_renews(lease):
    assert not await lease.renew("a", 10)
    await lease.acquire("a", 10, None)
    for other in ("b", "A", "a|0", "", "a "):
        assert not await lease.renew(other, 10)
    assert await lease.acquire("b", 10, None) == Holder("a", 0)


async def test_only_the_exact_owner_releases(lease):
    await lease.acquire("a", 10, None)
    assert not await lease.release("b")
    assert await lease.acquire("b", 10, None) == Holder("a", 0)
    assert await lease.release("a")
    assert not await lease.release("a")
    assert await lease.acquire("b", 10, None) == Holder("b", 0)


async def test_it_ends_by_itself(lease):
    await lease.acquire("a", 0.05, None)
    await asyncio.sleep(0.08)
    assert not await lease.renew("a", 10)
    assert await lease.acquire("b", 10, None) == Holder("b", 0)


async def test_a_renewal_makes_it_last(lease):
    await lease.acquire("a", 0.15, None)
    for _ in range(3):
        await asyncio.sleep(0.08)
        assert await lease.renew("a", 0.15)


async def test_asking_again_for_ones_own_makes_it_last(lease):
    await lease.acquire("a", 0.15, None)
    for _ in range(3):
        await asyncio.sleep(0.08)
        assert await lease.acquire("a", 0.15, None) == Holder("a", 0)


async def test_a_holder_that_is_stale_is_replaced(lease):
    held = await lease.acquire("a", 10, None)
    assert await lease.acquire("b", 10, held) == Holder("b", 0)
    assert not await lease.renew("a", 10)


async def test_a_holder_that_moved_on_is_not_replaced(lease):
    held = await lease.acquire("a", 10, None)
    await lease.renew("a", 10)
    assert await lease.acquire("b", 10, held) == Holder("a", 1)


async def test_of_two_who_want_to_replace_the_same_holder_one_does(lease):
    held = await lease.acquire("a", 10, None)
    got = await asyncio.gather(lease.acquire("b", 10, held), lease.acquire("c", 10, held))
    assert len({one.owner for one in got}) == 1


async def test_any_owner_name_is_kept_as_it_is(lease):
    name = "höst|7|with spaces %d"
    assert await lease.acquire(name, 10, None) == Holder(name, 0)
    assert await lease.renew(name, 10)
    assert await lease.acquire("b", 10, None) == Holder(name, 1)
    assert await lease.release(name)


async def test_of_a_hundred_who_ask_at_once_one_gets_it(lease):
    got = await asyncio.gather(*(lease.acquire(f"candidate-{n}", 10, None) for n in range(100)))
    assert len({one.owner for one in got}) == 1


async def test_a_release_wakes_who_waits(lease):
    await lease.acquire("a", 10, None)
    waiting = asyncio.create_task(lease.wait_for_release(20))
    await asyncio.sleep(0.05)
    started = time.monotonic()
    await lease.release("a")
    await waiting
    assert time.monotonic() - started < 10


async def test_a_release_wakes_who_comes_a_moment_later(lease):
    await lease.acquire("a", 10, None)
    await lease.release("a")
    started = time.monotonic()
    await lease.wait_for_release(20)
    assert time.monotonic() - started < 10


async def test_a_release_wakes_one_of_those_who_wait(lease):
    await lease.acquire("a", 10, None)
    waiting = [asyncio.create_task(lease.wait_for_release(1)) for _ in range(2)]
    await asyncio.sleep(0.05)
    await lease.release("a")
    woken, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert (len(woken), len(others)) == (1, 1)
    await asyncio.gather(*others)


async def test_waiting_ends_though_nobody_leaves(lease):
    started = time.monotonic()
    await lease.wait_for_release(0.1)
    assert time.monotonic() - started > 0.05
