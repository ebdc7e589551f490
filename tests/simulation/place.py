"""The platform of a simulation: rooms with numbered sessions, people who act, and the record of truth.

The record is written in the words of the platform's simulator, so that one judge judges both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allocator.core import outcomes as o
from allocator.core.ids import AgentId, RoomId
from qiscus_simulator.record import AgentState, Entry
from support.memory import MemoryPlatform, VirtualClock
from support.memory.platform import AgentThere, RoomThere

APP = "demo"
EVERY_SOURCE = ("wa", "ig")
DIVISION = "Sales"


@dataclass(slots=True)
class Person:
    """What the platform does not know of an agent, and the judge does."""

    capacity: int
    deleted: bool = False


class Place(MemoryPlatform):
    """The platform. ``served`` is told of every session that the API gave an agent."""

    def __init__(self, clock: VirtualClock, log: Callable[[str], None]) -> None:
        super().__init__(clock, count_lag_s=1.0, read_lag_s=0.0)
        self.entries: list[Entry] = []
        self.people: dict[AgentId, Person] = {}
        self.assigned: Callable[[], None] = lambda: None
        """Told of each assignment by the API, when it takes effect."""
        self.served: Callable[[RoomId, int], None] = lambda _room, _session: None
        self._time = clock
        self._log = log
        self.previous: dict[RoomId, int] = {}
        """The number of each room's session before its last; 0: there was none."""
        self._sessions: dict[RoomId, int] = {}
        self._last_session = self._last_call = 0
        self._by_api = False

    # --- sessions

    def session_of(self, room: RoomId) -> int:
        """The number of the session that ``room`` has, or had last; 0: it never had one."""
        return self._sessions.get(room, 0)

    def is_open(self, room: RoomId) -> bool:
        """Whether a session goes on in ``room``."""
        return room in self.rooms and not self.rooms[room].resolved

    def waits(self, room: RoomId) -> bool:
        """Whether a customer waits in ``room``."""
        return self.is_open(room) and not self.rooms[room].agents

    def arrive(self, room: str, source: str) -> RoomId:
        """A customer begins a session in ``room``."""
        known = RoomId(room)
        self.previous[known] = self._sessions.get(known, 0)
        self._last_session += 1
        self._sessions[known] = self._last_session
        self.customer(room, source)
        self.add("arrived", room=known, what=source)
        self._log(f"a customer comes to room {room}")
        return known

    # --- people

    def employ(self, number: int, *, capacity: int, online: bool = True, sources: tuple[str, ...]) -> None:
        """Let there be an agent; again: they are different from now on."""
        agent = self.agent(number, online=online, sources=sources, divisions=[DIVISION])
        self.people[agent] = Person(capacity)
        self._tell(agent)

    def go(self, number: int, *, online: bool) -> None:
        """An agent comes or goes."""
        agent = AgentId(number)
        if agent in self.agents and self.agents[agent].online != online:
            self.agents[agent].online = online
            self._log(f"agent {number} {'comes online' if online else 'goes offline'}")
            self._tell(agent)

    def dismiss(self, number: int) -> None:
        """An agent is deleted; their customers wait again."""
        agent = AgentId(number)
        there = self.agents.pop(agent, None)
        if there is None:
            return
        self._log(f"agent {number} is deleted")
        self.people[agent].deleted = True
        self._tell(agent, there)
        for room in [room for room, one in self.rooms.items() if agent in one.agents and not one.resolved]:
            self.remove(room)

    def carry(self, capacity: int) -> None:
        """So many customers an agent may have from now on."""
        for agent, person in self.people.items():
            person.capacity = capacity
            self._tell(agent)

    # --- what is written down

    def add(self, kind: str, *, room: str = "", of: int = 0, **fields: Any) -> None:
        """A line of the record; ``of``: the session that it is about, if not the room's last."""
        session = of or self._sessions.get(RoomId(room), 0)
        at = self._time.wall().timestamp()
        self.entries.append(Entry(len(self.entries) + 1, at, APP, kind, room=room, session=session, **fields))

    def assign_now(self, room: RoomId, agent: AgentId) -> o.Outcome:
        """See the port in memory; the call is on the record."""
        self._last_call += 1
        open_now = room in self._sessions and self.is_open(room)
        if open_now:
            self.add("call", room=room, agent=agent, what="assign_agent", number=self._last_call)
        self._by_api = True
        try:
            outcome = super().assign_now(room, agent)
        finally:
            self._by_api = False
        self._log(f"assign_agent: agent {agent} to room {room}: {type(outcome).__name__}")
        return outcome

    def _join(self, room: RoomId, there: RoomThere, agent: AgentId) -> None:
        super()._join(room, there, agent)
        self.add("assigned", room=room, agent=agent, what="api" if self._by_api else "hand", number=self._last_call)
        if self._by_api:
            self.served(room, self._sessions[room])
            self.assigned()

    def _leave(self, room: RoomId, there: RoomThere) -> None:
        for agent in there.agents:
            if not there.resolved:
                self.add("removed", room=room, agent=agent, what="hand")
        super()._leave(room, there)

    def _note(self, what: str, room: RoomId, agent: AgentId | None) -> None:
        super()._note(what, room, agent)
        if what == "resolved":
            self.add("resolved", room=room, what="served")

    def _tell(self, agent: AgentId, gone: AgentThere | None = None) -> None:
        there, person = gone or self.agents.get(agent), self.people[agent]
        if there is None:
            return
        state = AgentState(there.online, there.sources or frozenset(EVERY_SOURCE), person.capacity, person.deleted)
        self.add("agent", agent=agent, what="agent", state=state)
