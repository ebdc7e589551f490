"""A small platform: rooms, agents, and compare-and-set. Nobody is told of changes; whoever wants to know reads."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from allocator.core import outcomes as o
from allocator.core.ids import AgentId, Lane, RoomId, parts_of
from allocator.core.policy import folded
from allocator.core.roster import Roster, Seen
from allocator.ports import Clock, Failure, Unserved
from support.memory.script import Instead, Script

T = TypeVar("T")

ROOMS_A_PAGE = 50


@dataclass(slots=True)
class RoomThere:
    """A conversation as the platform has it."""

    source: str
    channel: str | None
    since: datetime
    agents: list[AgentId] = field(default_factory=list)
    resolved: bool = False
    past: list[tuple[float, tuple[AgentId, ...], bool]] = field(default_factory=list)
    """Who was there and whether it was resolved, from when on: what late reads show."""

    def now(self) -> tuple[tuple[AgentId, ...], bool]:
        """Who is there, and whether it is resolved."""
        return tuple(self.agents), self.resolved


@dataclass(slots=True)
class AgentThere:
    """A person as the platform has them."""

    online: bool = True
    sources: frozenset[str] | None = None
    """The kinds of channel whose rooms they may take; None: all."""
    divisions: frozenset[str] = frozenset()
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """A line of the record of truth."""

    at: float
    what: str
    room: RoomId
    agent: AgentId | None


class MemoryPlatform:
    """The :class:`~allocator.ports.Platform` of one app. ``count_lag_s``: so late are its counts of customers;
    ``read_lag_s``: so late is what it shows of rooms.
    """

    def __init__(self, clock: Clock, *, count_lag_s: float = 0.0, read_lag_s: float = 0.0) -> None:
        self.script = Script()
        self.rooms: dict[RoomId, RoomThere] = {}
        self.agents: dict[AgentId, AgentThere] = {}
        self.record: list[Happened] = []
        """What really happened, in order: assigned, resolved, removed."""
        self.count_lag_s = count_lag_s
        self.read_lag_s = read_lag_s
        self._clock = clock
        self._counts: list[tuple[float, AgentId, int]] = []
        self._late: set[asyncio.Task[None]] = set()

    def customer(self, room: str, source: str = "wa", channel: str | None = None) -> RoomId:
        """A customer writes in ``room``, where nobody is; the room is open again if it was resolved."""
        known = RoomId(room)
        before = self.rooms.get(known)
        there = RoomThere(source=source, channel=channel, since=self._clock.wall())
        there.past = [] if before is None else before.past
        self.rooms[known] = there
        self._changed(there)
        return known

    def agent(
        self,
        number: int,
        *,
        online: bool = True,
        sources: Sequence[str] | None = None,
        divisions: Sequence[str] = (),
        email: str | None = None,
    ) -> AgentId:
        """Let there be an agent; again: they come or go."""
        known = AgentId(number)
        self.agents[known] = AgentThere(
            online=online,
            sources=None if sources is None else frozenset(sources),
            divisions=frozenset(map(folded, divisions)),
            email=None if email is None else folded(email),
        )
        return known

    def resolve(self, room: RoomId) -> None:
        """Somebody resolves ``room``."""
        there = self.rooms[room]
        there.resolved = True
        self._leave(room, there)
        self._changed(there)
        self._note("resolved", room, None)

    def remove(self, room: RoomId) -> None:
        """Somebody takes the agents out of ``room``; it waits again."""
        self._leave(room, self.rooms[room])
        self._changed(self.rooms[room])
        self._note("removed", room, None)

    def put(self, room: RoomId, agent: AgentId) -> None:
        """Somebody puts ``agent`` into ``room`` by hand."""
        there = self.rooms[room]
        self._leave(room, there)
        self._join(room, there, agent)

    def in_room(self, room: RoomId) -> list[AgentId]:
        """Who is in ``room``."""
        return list(self.rooms[room].agents)

    def customers_of(self, agent: AgentId) -> int:
        """How many open rooms ``agent`` is in, now and truly."""
        return sum(1 for there in self.rooms.values() if agent in there.agents and not there.resolved)

    def land_late(self, seconds: float) -> None:
        """The next assign is given up unanswered, and takes effect ``seconds`` later, if it still can."""

        async def late() -> None:
            room, agent = self._asked
            task = asyncio.create_task(self._land(room, agent, seconds))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            raise Instead(o.Unknown("no answer in time"))

        self.script.before("assign", late)

    async def assign(self, room: RoomId, agent: AgentId) -> o.Outcome:
        """See the port."""
        self._asked = (room, agent)
        return await self._answer("assign", lambda: self.assign_now(room, agent))

    async def view(self, room: RoomId, agent: AgentId | None) -> o.View:
        """See the port."""
        return await self._answer("view", lambda: self.view_now(room, agent))

    async def roster(self, room: RoomId, now: float) -> Roster | o.RoomRefused | Failure:
        """See the port."""
        return await self._answer("roster", lambda: self.roster_now(room, now))

    async def suggestion(self, lane: Lane, now: float) -> Roster | Failure:
        """See the port."""
        return await self._answer("suggestion", lambda: self.suggest_now(lane, now))

    async def unserved(self) -> AsyncIterator[Sequence[Unserved] | Failure]:
        """See the port."""
        rows = self.unserved_now()
        for start in range(0, max(len(rows), 1), ROOMS_A_PAGE):
            rows_of_page = rows[start : start + ROOMS_A_PAGE]
            page: Sequence[Unserved] | Failure = await self._answer("unserved", _constant(rows_of_page))
            yield page
            if not isinstance(page, list):
                return

    def unserved_now(self) -> list[Unserved]:
        """The rooms that wait, as far as the platform shows it, the newest first."""
        waiting = [(room, one) for room, one in self.rooms.items() if self._shown(one) == ((), False)]
        waiting.sort(key=lambda pair: pair[1].since, reverse=True)
        return [Unserved(room=room, source=one.source, channel=one.channel, since=one.since) for room, one in waiting]

    async def _answer(self, call: str, effect: Callable[[], T]) -> T:
        try:
            async with self.script.around(call):
                answer = effect()
        except Instead as instead:
            return instead.value  # type: ignore[return-value]  # the test says what is answered
        return answer

    async def _land(self, room: RoomId, agent: AgentId, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self.assign_now(room, agent)

    def assign_now(self, room: RoomId, agent: AgentId) -> o.Outcome:
        """What the platform does."""
        there = self.rooms.get(room)
        if there is None:
            return o.RoomRefused("HTTP 404")
        if there.resolved:
            return o.AlreadyOver()
        if there.agents:
            return o.SomebodyThere()
        if agent not in self.agents or not self.agents[agent].online:
            return o.AgentRefused("HTTP 400")
        self._join(room, there, agent)
        return o.Done()

    def view_now(self, room: RoomId, agent: AgentId | None) -> o.View:
        """What the platform shows."""
        there = self.rooms.get(room)
        if there is None:
            return o.Missing()
        agents, resolved = self._shown(there)
        if resolved:
            return o.Over()
        return o.Served(ours=agent in agents) if agents else o.Waits()

    def roster_now(self, room: RoomId, now: float) -> Roster | o.RoomRefused:
        """What the platform shows."""
        if room not in self.rooms:
            return o.RoomRefused("HTTP 404")
        return Roster(agents=tuple(self._seen(self.rooms[room].source)), read_at=now, uses=None)

    def suggest_now(self, lane: Lane, now: float) -> Roster:
        """What the platform shows."""
        source, _ = parts_of(lane)
        online = [seen for seen in self._seen(source) if seen.online]
        best = sorted(online, key=lambda seen: (seen.count, seen.agent))[:1]
        return Roster(agents=tuple(replace(seen, divisions=frozenset()) for seen in best), read_at=now, uses=1)

    def _seen(self, source: str) -> list[Seen]:
        may = [(agent, one) for agent, one in self.agents.items() if one.sources is None or source in one.sources]
        return [
            Seen(agent=agent, online=one.online, count=self._count(agent), divisions=one.divisions, email=one.email)
            for agent, one in may
        ]

    def _count(self, agent: AgentId) -> int:
        shown = self._clock.now() - self.count_lag_s
        return sum(change for at, who, change in self._counts if who == agent and at <= shown)

    def _shown(self, there: RoomThere) -> tuple[tuple[AgentId, ...], bool]:
        """A room as late reads show it; never from before its first customer."""
        moment = self._clock.now() - self.read_lag_s
        found = next(((agents, over) for at, agents, over in reversed(there.past) if at <= moment), None)
        return found or there.past[0][1:]

    def _changed(self, there: RoomThere) -> None:
        there.past.append((self._clock.now(), *there.now()))

    def _join(self, room: RoomId, there: RoomThere, agent: AgentId) -> None:
        there.agents.append(agent)
        self._changed(there)
        self._counts.append((self._clock.now(), agent, 1))
        self._note("assigned", room, agent)

    def _leave(self, room: RoomId, there: RoomThere) -> None:
        assert self.rooms[room] is there
        self._counts.extend((self._clock.now(), agent, -1) for agent in there.agents)
        there.agents.clear()

    def _note(self, what: str, room: RoomId, agent: AgentId | None) -> None:
        self.record.append(Happened(self._clock.now(), what, room, agent))


def _constant(value: T) -> Callable[[], T]:
    return lambda: value
