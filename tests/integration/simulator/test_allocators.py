"""Whole runs: a careful allocator gets a clean verdict, careless ones get what they deserve."""

import asyncio
from collections import deque

import pytest
from aiohttp import web

AGENTS = tuple(range(164801, 164807))
CAPACITY = 2
WRONGS = ("lost", "doubled", "over", "out_of_order")


class Allocator:
    """Serves customers first come, first served, from a ledger of its own. Subclasses are wrong on purpose."""

    def __init__(self, client):
        self.client, self.backlog, self.held = client, deque(), {}
        self.used = dict.fromkeys(AGENTS, 0)

    async def allocate(self, request):
        room = (await request.json())["room_id"]
        if room not in self.held and room not in self.backlog:
            self.backlog.append(room)
        await self.fill()
        return web.Response()

    async def resolve(self, request):
        agent = self.held.pop((await request.json())["service"]["room_id"], None)
        if agent is not None:
            self.used[agent] -= 1
        await self.fill()
        return web.Response()

    async def fill(self):
        while self.backlog and (agent := self.pick()) is not None:
            room = self.take()
            self.held[room] = agent
            self.used[agent] += 1
            asyncio.get_running_loop().create_task(self.tell(room, agent))

    async def tell(self, room, agent):
        status, _ = await self.client.assign(room, agent)
        if status != 200:  # a webhook that came twice, the second time after the resolve
            del self.held[room]
            self.used[agent] -= 1

    def take(self):
        return self.backlog.popleft()

    def pick(self):
        agent = min(AGENTS, key=lambda agent: self.used[agent])
        return agent if self.used[agent] < CAPACITY else None


class Overloads(Allocator):
    """Gives every agent one more than it can carry."""

    def pick(self):
        agent = min(AGENTS, key=lambda agent: self.used[agent])
        return agent if self.used[agent] <= CAPACITY else None


class Doubles(Allocator):
    """Sends another agent as well, without the compare-and-set."""

    async def tell(self, room, agent):
        await self.client.assign(room, agent, max_agent=None)
        other = next(other for other in AGENTS if other != agent)
        await self.client.assign(room, other, max_agent=None)


class Loses(Allocator):
    """Forgets every third customer after saying 200."""

    count = 0

    async def tell(self, room, agent):
        self.count += 1
        if self.count % 3:
            await super().tell(room, agent)
        else:
            self.used[agent] -= 1


class LastComeFirst(Allocator):
    """Serves the newest customer."""

    def take(self):
        return self.backlog.pop()


async def at_rest(client, within_s):
    """Wait until nobody waits and nobody is served, or the time is up: the careless never come to rest."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    while loop.time() < until:
        state = await client.control("state")
        if state["waiting"] == state["served"] == 0:
            return
        await asyncio.sleep(0.05)


async def run(start, kind, *, seconds, drain_s, **limits):
    """Run traffic that is now and then too much, let it drain, and return the verdict."""
    options = ("--agents", "6", "--service-s", "0.1:0.3", "--chatter-s", "0.2:0.4", "--doubled-share", "0.2")
    async with start(*options) as client:
        allocator, app = kind(client), web.Application()
        app.router.add_post("/allocate", allocator.allocate)
        app.router.add_post("/resolve", allocator.resolve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        here = f"http://127.0.0.1:{runner.addresses[0][1]}"
        await client.control("webhooks", {"allocate_url": f"{here}/allocate", "resolve_url": f"{here}/resolve"})
        await client.control("traffic", {"customers_per_s": 80})
        await asyncio.sleep(seconds)
        await client.control("traffic", {"customers_per_s": 0})
        await at_rest(client, drain_s)
        verdict = await client.verdict(**limits)
        await runner.cleanup()
        return verdict


async def test_a_careful_allocator_is_cleared(start):
    verdict = await run(start, Allocator, seconds=1.2, drain_s=15)
    assert {name: verdict[name] for name in WRONGS} == dict.fromkeys(WRONGS, 0), verdict["stories"]
    assert verdict["arrived"] == verdict["acknowledged"] == verdict["assigned"] == verdict["resolved"] > 40
    assert verdict["waiting"] == 0
    assert verdict["assignments_per_s"] > 5
    assert 0 <= verdict["wait_p50_s"] <= verdict["wait_p99_s"]


@pytest.mark.parametrize(
    ("kind", "wrong"), [(Overloads, "over"), (Doubles, "doubled"), (Loses, "lost"), (LastComeFirst, "out_of_order")]
)
async def test_a_careless_allocator_is_caught(start, kind, wrong):
    verdict = await run(start, kind, seconds=0.7, drain_s=0.7, grace_s=0.3, tolerance_s=0.1)
    assert verdict[wrong] > 0
    assert any(story["what"] == wrong for story in verdict["stories"])
