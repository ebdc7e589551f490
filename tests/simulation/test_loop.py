"""Several processes on one loop: what the dead and the paused do not do."""

import asyncio

from simulation.loop import Process, ProcessLoop
from simulation.run import forget_tasks


def on_a_loop(work):
    loop = ProcessLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        forget_tasks(loop)
        loop.close()


async def ticking(ticks, last_words):
    try:
        while True:
            await asyncio.sleep(1)
            ticks.append(asyncio.get_running_loop().time())
    finally:
        last_words.append("finally")


def test_who_is_killed_does_nothing_more_not_even_what_it_always_does():
    async def work():
        process, ticks, last_words = Process("a"), [], []
        process.start(ticking(ticks, last_words))
        await asyncio.sleep(2.5)
        process.kill()
        await asyncio.sleep(10)
        seen = (list(ticks), list(last_words))
        process.bury()
        return seen

    assert on_a_loop(work()) == ([1, 2], [])


def test_who_is_paused_goes_on_where_it_stood():
    async def work():
        process, ticks = Process("a"), []
        process.start(ticking(ticks, []))
        await asyncio.sleep(2.5)
        process.pause()
        await asyncio.sleep(10)
        assert ticks == [1, 2]
        process.resume()
        await asyncio.sleep(1.5)
        process.kill()
        return ticks

    assert on_a_loop(work()) == [1, 2, 12.5, 13.5]


def test_the_others_go_on():
    async def work():
        paused, alive, ticks = Process("a"), Process("b"), []
        alive.start(ticking(ticks, []))
        paused.pause()
        await asyncio.sleep(3.5)
        alive.kill()
        return ticks

    assert on_a_loop(work()) == [1, 2, 3]


def test_a_bug_that_ends_a_process_is_kept():
    async def broken():
        raise RuntimeError("a bug")

    async def work():
        process = Process("a")
        process.start(broken())
        await asyncio.sleep(1)
        return [str(error) for error in process.broken]

    assert on_a_loop(work()) == ["a bug"]
