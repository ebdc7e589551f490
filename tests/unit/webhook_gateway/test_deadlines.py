"""Many waits of one length with one timer."""

import asyncio

from webhook_gateway.deadlines import Deadlines


async def test_what_is_held_too_long_expires_once_and_what_was_let_go_does_not():
    expired = []
    deadlines = Deadlines(0.05, expired.append)
    for item in range(6):
        deadlines.add(item)
    deadlines.remove(0)
    deadlines.remove(4)
    await asyncio.sleep(0.1)
    assert expired == [1, 2, 3, 5]
    deadlines.remove(5)  # its wait ended after all


async def test_each_has_its_own_time():
    expired = []
    deadlines = Deadlines(0.08, expired.append)
    deadlines.add("first")
    await asyncio.sleep(0.05)
    deadlines.add("second")
    await asyncio.sleep(0.05)
    assert expired == ["first"]
    await asyncio.sleep(0.06)
    assert expired == ["first", "second"]


async def test_after_a_pause_it_still_works():
    expired = []
    deadlines = Deadlines(0.02, expired.append)
    for item in range(3):
        deadlines.add(item)
        deadlines.remove(item)
        await asyncio.sleep(0.04)
    deadlines.add("last")
    await asyncio.sleep(0.04)
    assert expired == ["last"]
