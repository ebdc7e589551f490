"""Everything that runs in a simulation, put together: three servers, the network, gateways and allocators."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from typing import Any

from allocator.app import Allocator
from allocator.core.ids import AppId, Epoch, RoomId
from allocator.core.lifecycle import Timing
from allocator.core.requests import Kind
from allocator.election import Elector, LeaseTiming
from allocator.rounds.tuning import Surroundings, Tuning
from contract import Event
from simulation.chance import Chance
from simulation.loop import Process, outside
from simulation.network import Link, Server, Weather
from simulation.place import APP, EVERY_SOURCE, Place
from simulation.remote import Mood, RemoteInbox, RemoteLease, RemoteLedger, RemotePlatform
from simulation.script import Script
from support.memory import MemoryInbox, MemoryLease, MemoryLedger, MemoryPolicyDoor, MemoryWatch, VirtualClock
from webhook_gateway.ports import Unavailable
from webhook_gateway.publisher import Limits, Publisher

TTL_S = 4.0
LEASE = LeaseTiming(ttl_s=TTL_S, renew_s=1.0, margin_s=1.0, watch_s=0.5)
TIMING = Timing(
    platform_timeout_s=1.0, quarantine_s=8.0, first_look_s=0.5, longest_look_s=4.0, lag_s=1.5, refusals_max=8
)
TUNING = Tuning(timing=TIMING, sweep_s=4.0, events_retained_s=86_400.0, sessions_retained_s=86_400.0)
LIMITS = Limits(batch_max=500, pending_max=10_000, timeout_s=0.9)
STEPS = ("commit", "reserve", "assign")
LATE_S = 8.5
"""A request that was given up takes effect no later than this: within the quarantine."""


class ProcessClock(VirtualClock):
    """A process's own clock: another uptime, another idea of the time of day."""

    def __init__(self, process: Process) -> None:
        super().__init__()
        self._process = process

    def now(self) -> float:
        """See the port."""
        return super().now() + self._process.boot_s

    def wall(self) -> datetime:
        """See the port."""
        self.skew_s = self._process.skew_s - self._process.boot_s
        return super().wall()


class Watch(MemoryWatch):
    """Tells the story of who leads, and remembers nothing else."""

    def __init__(self, system: "System", name: str) -> None:
        super().__init__()
        self._system, self._name = system, name

    def led(self, epoch: Epoch | None) -> None:
        """See the port."""
        if epoch is not None:
            self._system.log(f"{self._name} leads in term {epoch}")

    def round(self, *_: object) -> None:
        """See the port."""

    def called(self, *_: object) -> None:
        """See the port."""

    def fair(self, *_: object) -> None:
        """See the port."""

    def stands(self, *_: object) -> None:
        """See the port."""

    def queue(self, *_: object) -> None:
        """See the port."""


class Member:
    """An allocator or a gateway of the installation: a process, and after it is killed another one."""

    def __init__(self, system: "System", name: str) -> None:
        self.system, self.name = system, name
        self.process = Process(name)
        self.process.kill()
        self.skew_s = system.chance.of(name).uniform(-0.2, 0.2)
        """By how much its machine's time of day is wrong. A process looks at it once, when it begins."""
        self._lives = count(1)

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return not self.process.dead

    def begin(self) -> None:
        """Start a new process."""
        if self.system.over:
            return
        life = next(self._lives)
        dice = self.system.chance.of(f"{self.name} {life}")
        self.process = Process(f"{self.name}-{life}", boot_s=dice.uniform(0, 1e6), skew_s=self.skew_s)
        self.system.processes.append(self.process)
        self.process.call(self._enter)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()

    def _enter(self) -> None:
        if not self.system.over:
            self._run()

    def _run(self) -> None:
        raise NotImplementedError


class AllocatorMember(Member):
    """Runs the allocator as production does."""

    def __init__(self, system: "System", name: str) -> None:
        super().__init__(system, name)
        self.allocator: Allocator | None = None
        self.policies = MemoryPolicyDoor()
        self.restarts_after_s = 1.0
        """How long until an allocator that has left is started again."""
        self._ledger: RemoteLedger | None = None

    @property
    def leads(self) -> bool:
        """Whether it believes so."""
        return self.runs and self.allocator is not None and self.allocator._leader is not None

    def kill(self) -> None:
        """See above; its connections end with it."""
        super().kill()
        if self._ledger is not None:
            self._ledger.connection_lost()

    def stop(self) -> None:
        """SIGTERM."""
        if self.allocator is not None:
            self.process.call(self.allocator.stop)

    def _run(self) -> None:
        self.process.start(self._live())

    async def _live(self) -> None:
        system, process = self.system, self.process
        clock = ProcessClock(process)
        links = {name: system.link(self.name, process, server) for name, server in system.servers.items()}
        self._ledger = RemoteLedger(system.ledger, links["postgres"])
        self.policies = MemoryPolicyDoor(system.policy)
        around = Surroundings(
            inbox=RemoteInbox(system.inbox, links["redis"]),
            ledger=self._ledger,
            platforms={AppId(APP): RemotePlatform(system.place, links["platform"], system.mood, 1.0)},
            clock=clock,
            watch=Watch(system, self.name),
            policies=self.policies,
            tuning=TUNING,
        )
        elector = Elector(RemoteLease(system.lease, links["redis"]), clock, process.name, LEASE)
        door: Any = self.policies  # all of a file's that an allocator asks for
        self.allocator = Allocator(around, elector, process.name, door)
        await self.allocator.run()
        process.kill()
        asyncio.get_running_loop().call_later(self.restarts_after_s, self._begin_again, context=outside())

    def _begin_again(self) -> None:
        if not self.runs:
            self.begin()


class GatewayMember(Member):
    """Runs the gateway's group commit as production does."""

    def __init__(self, system: "System", name: str) -> None:
        super().__init__(system, name)
        self._publisher: Publisher | None = None

    def receive(self, event: Event, told: "asyncio.Future[int]") -> None:
        """A webhook comes in; ``told`` gets the status of its answer."""
        if not self.runs or self._publisher is None:
            told.set_result(0)
            return
        self.process.start(self._answer(self._publisher, event, told))

    def _run(self) -> None:
        link = self.system.link(self.name, self.process, self.system.servers["redis"])
        self._publisher = Publisher(RemoteInbox(self.system.inbox, link), LIMITS)

    async def _answer(self, publisher: Publisher, event: Event, told: "asyncio.Future[int]") -> None:
        try:
            await publisher.publish(event)
            status = 200
        except Unavailable:
            status = 503
        asyncio.get_running_loop().call_later(0.001, _tell, told, status, context=outside())


class System:
    """All of it. ``story``: what happened, with the seconds."""

    def __init__(self, script: Script) -> None:
        self.script, self.chance = script, Chance(script.seed)
        self.clock = VirtualClock()
        self.story: list[tuple[float, str]] = []
        self.processes: list[Process] = []
        self.servers = {name: Server(name) for name in ("redis", "postgres", "platform")}
        self.redis_clock = VirtualClock()
        self.inbox = MemoryInbox(self.redis_clock, [AppId(APP)])
        self.lease = MemoryLease(self.clock)
        self.ledger = MemoryLedger(self.clock)
        self.place = Place(self.clock, self.log)
        self.place.count_lag_s = script.counts_late_s
        self.place.assigned = lambda: self.step("assign")
        self.mood = Mood(late_s=LATE_S)
        self.at_step: dict[str, tuple[Callable[[], None], ...]] = dict.fromkeys(STEPS, ())
        """What is to happen at the next of these steps."""
        self.policy: object = script.policy(script.capacity)
        self.allocators = [AllocatorMember(self, f"allocator-{n + 1}") for n in range(script.allocators)]
        self.gateways = [GatewayMember(self, f"gateway-{n + 1}") for n in range(script.gateways)]
        self.over = False
        self.acknowledged: dict[str, str] = {}
        """Events whose webhook was answered 200, with their rooms."""
        self._most = script.capacity
        self._links: list[Link] = []
        self._weather: dict[tuple[str, str], Weather] = {}

    @property
    def members(self) -> "list[Member]":
        """All of them."""
        return [*self.allocators, *self.gateways]

    def start(self) -> None:
        """Everything begins."""
        for number in range(self.script.agents):
            sources = EVERY_SOURCE if number % 3 != 2 else EVERY_SOURCE[:1]
            self.place.employ(number + 1, capacity=self.script.capacity, sources=sources)
        for member in self.members:
            member.begin()

    async def end(self) -> None:
        """Clear up: even the dead must let go of what they hold. Nothing that they say reaches anybody."""
        self.over = True
        for link in self._links:
            link.closed = True
        for process in self.processes:
            process.bury()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def judge_capacity(self, capacity: int) -> None:
        """Agents may have as many as the highest capacity that was ever in force: a lower one takes nobody away."""
        self._most = max(self._most, capacity)
        self.place.carry(self._most)

    def withdrawn_at(self, room: RoomId) -> datetime | None:
        """When it was asked for, the last time that somebody had ``room`` withdrawn; None: nobody had."""
        asked = [
            one.request.at
            for one in self.ledger.rows.requests.values()
            if one.request.room == room and one.request.kind is Kind.WITHDRAW and one.answer and one.answer.done
        ]
        return max(asked, default=None)

    def step(self, name: str) -> None:
        """A server has done something; nobody has heard of it yet."""
        waiting, self.at_step[name] = self.at_step[name], ()
        for strike in waiting:
            strike()

    def log(self, text: str) -> None:
        """A line of the story."""
        self.story.append((self.clock.now(), text))

    def weather(self, member: str, server: str) -> Weather:
        """How the way between them is."""
        return self._weather.setdefault((member, server), self.usual(server))

    def usual(self, server: str) -> Weather:
        """How the way to a server is on a good day."""
        return Weather(delay_s=self.script.delays_s[list(self.servers).index(server)])

    def weathers(self) -> "Iterator[tuple[Weather, Weather]]":
        """All of them, each with how it usually is."""
        for (_, server), weather in self._weather.items():
            yield weather, self.usual(server)

    def link(self, member: str, process: Process, server: Server) -> Link:
        """A new connection."""
        chance = self.chance.of(f"{process.name} > {server.name}")
        made = Link(process, server, self.weather(member, server.name), chance)
        self._links.append(made)
        return made


def _tell(told: "asyncio.Future[int]", status: int) -> None:
    if not told.done():
        told.set_result(status)
