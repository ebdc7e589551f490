"""A simulator in this process, on a free port, and an allocator to judge."""

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from qiscus_simulator.app import running
from qiscus_simulator.options import read_options

HEADERS = {"Qiscus-App-Id": "sim-demo", "Qiscus-Secret-Key": "secret"}
ADMIN = "/api/v1/admin/service"


class Client:
    """Speaks to a simulator as an allocator does, and to its control API as a test does."""

    def __init__(self, url, session):
        self.url, self.session = url, session

    async def call(self, method, path, *, headers=HEADERS, **options):
        """Return status and body of a call; the body as text when it is not JSON."""
        timeout = aiohttp.ClientTimeout(total=options.pop("timeout_s", 5))
        address = self.url + path
        async with self.session.request(
            method, address, headers=headers, timeout=timeout, allow_redirects=False, **options
        ) as answer:
            text = await answer.text()
            return answer.status, _decoded(text)

    async def assign(self, room_id, agent_id, *, max_agent=1, **options):
        """Assign as the official sample does, by form."""
        form = {"room_id": room_id, "agent_id": str(agent_id)} | ({"max_agent": str(max_agent)} if max_agent else {})
        return await self.call("POST", f"{ADMIN}/assign_agent", data=form, **options)

    async def control(self, path, body=None):
        """Use the control API; a body makes it a POST."""
        method = "GET" if body is None else "POST"
        status, told = await self.call(method, f"/simulator/{path}", headers=None, json=body)
        assert status == 200, told
        return told

    async def customer(self, source="wa", **more):
        """Let one customer come; return the room."""
        return (await self.control("customers", {"source": source} | more))["room_ids"][0]

    async def verdict(self, **limits):
        """Return the verdict."""
        query = "&".join(f"{name}={value}" for name, value in limits.items())
        return await self.control(f"verdict?{query}")

    async def faults(self, **faults):
        """Set faults."""
        return await self.control("faults", faults)


def _decoded(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


@asynccontextmanager
async def simulator(*arguments):
    """Run a simulator on a free port; yields its client."""
    options = read_options(["--port", "0", *arguments], {})
    async with running(options) as simulator, aiohttp.ClientSession() as session:
        yield Client(simulator.url, session)


class Inbox:
    """Takes webhooks in; ``status`` is what it answers."""

    def __init__(self):
        self.allocate, self.resolve, self.status = [], [], 200
        self.news = asyncio.Event()

    async def take(self, request):
        """Keep a webhook."""
        getattr(self, request.match_info["kind"]).append(await request.json())
        self.news.set()
        return web.Response(status=self.status)


@pytest.fixture
async def inbox():
    """A receiver of webhooks; ``urls`` are the simulator's arguments for it."""
    box, app = Inbox(), web.Application()
    app.router.add_post("/{kind}", box.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    box.urls = [
        "--allocate-url",
        f"http://127.0.0.1:{port}/allocate",
        "--resolve-url",
        f"http://127.0.0.1:{port}/resolve",
    ]
    yield box
    await runner.cleanup()


@pytest.fixture
def start():
    """A way to run a simulator with the options of the command line, inside ``async with``."""
    return simulator


@pytest.fixture
async def client():
    """A quiet simulator with three agents whose customers neither write again nor leave."""
    async with simulator("--agents", "3", "--chatter-s", "0", "--doubled-share", "0") as client:
        await client.control("service", {"service_s": None})
        yield client
