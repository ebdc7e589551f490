"""Ties everything together: options to worlds, worlds to one HTTP server that runs until it is told to stop."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

from aiohttp import web

from qiscus_simulator.chance import stream
from qiscus_simulator.control import Control
from qiscus_simulator.late import Late
from qiscus_simulator.options import Options
from qiscus_simulator.people import People
from qiscus_simulator.platform import Platform
from qiscus_simulator.record import Record
from qiscus_simulator.sender import Sender
from qiscus_simulator.server import BODY_MAX, Server
from qiscus_simulator.traffic import Traffic
from qiscus_simulator.values import ALL_KEYS, DIVISION, Agent, AgentType
from qiscus_simulator.world import Targets, World

FIRST_AGENT: Final = 164_801
AGENTS_APART: Final = 10_000
FIRST_ROOM: Final = 300_000_000
ROOMS_APART: Final = 100_000_000
FIRST_SESSION: Final = 150_000_000
SHUTDOWN_S: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A simulator that listens: where, its apps, its record."""

    url: str
    worlds: dict[str, World]
    record: Record


@asynccontextmanager
async def running(options: Options) -> AsyncIterator[Running]:
    """Run a simulator. OSError when the address cannot be listened on."""
    clock = steady_clock()
    record = Record(clock)
    sender = Sender(record, options.webhook_retries)
    worlds = build_worlds(options, record, sender, clock)
    server = Server(worlds, clock, stream(options.seed, "calls"))
    app = web.Application(client_max_size=BODY_MAX)
    server.add_routes(app)
    Control(worlds, record, clock).add_routes(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    habits: list[asyncio.Task[None]] = []
    try:
        site = web.TCPSite(runner, options.host, options.port, backlog=1024)
        await site.start()
        await sender.start()
        habits = [asyncio.create_task(habit) for world in worlds.values() for habit in People(world).streams()]
        yield Running(url=_url(options.host, runner), worlds=worlds, record=record)
    finally:
        server.stop()
        for habit in habits:
            habit.cancel()
        await sender.close()
        await runner.cleanup()


def steady_clock() -> Callable[[], float]:
    """Return a clock that starts at Unix time and never jumps."""
    start = time.time() - time.monotonic()
    return lambda: start + time.monotonic()


def build_worlds(options: Options, record: Record, sender: Sender, clock: Callable[[], float]) -> dict[str, World]:
    """Build every app with its agents. Ids never meet between apps."""
    sessions = count(FIRST_SESSION)
    worlds = {}
    for index, (app_id, secret) in enumerate(options.apps.items()):
        agents = build_agents(options, FIRST_AGENT + index * AGENTS_APART, clock())
        first_room = FIRST_ROOM + index * ROOMS_APART
        worlds[app_id] = World(
            platform=Platform(app_id, agents, first_room, lambda: next(sessions)),
            secret=secret,
            traffic=Traffic(options.seed, app_id, options.traffic),
            faults=options.faults,
            record=record,
            sender=sender,
            targets=Targets(allocate_url=options.allocate_url, resolve_url=options.resolve_url),
            clock=clock,
            customers_per_s=options.customers_per_s,
            service_s=options.service_s,
        )
    return worlds


def build_agents(options: Options, first: int, at: float) -> list[Agent]:
    """Build a supervisor, an admin and the ordinary agents; the last of these may serve fewer channels."""
    staff = [
        _agent(first - 2, "Supervisor 1", "supervisor1", AgentType.SUPERVISOR, ALL_KEYS, 0, at),
        _agent(first - 1, "Admin", "admin", AgentType.ADMIN, ALL_KEYS, 0, at),
    ]
    keys = sorted(ALL_KEYS)
    for number in range(options.agents):
        few = number >= options.agents - options.fewer_channels
        channels = frozenset({keys[number % len(keys)], keys[(number + 3) % len(keys)]}) if few else ALL_KEYS
        name = f"Agent {number + 1}"
        staff.append(
            _agent(first + number, name, f"agent{number + 1}", AgentType.AGENT, channels, options.capacity, at)
        )
    return staff


def _agent(  # noqa: PLR0917 - a row of a table
    agent_id: int, name: str, mailbox: str, agent_type: AgentType, channels: frozenset[str], capacity: int, at: float
) -> Agent:
    return Agent(
        id=agent_id,
        name=name,
        email=f"{mailbox}@example.com",
        type=agent_type,
        online=True,
        channels=channels,
        divisions=frozenset({DIVISION}),
        capacity=capacity,
        deleted=False,
        count=Late(0, at),
    )


def _url(host: str, runner: web.AppRunner) -> str:
    port = runner.addresses[0][1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
