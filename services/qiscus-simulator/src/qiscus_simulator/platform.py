"""The laws of the platform for one app: who may sit in which room.

No clock, no chance, no network: time is an argument, the same calls give the same state. What it answers is a value.
The laws are those that were recorded (``max_agent`` is a compare-and-set on the room, no agent's cap is checked,
offline agents are accepted); the wording of the 404 is our guess.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from qiscus_simulator.late import MAX_LAG_S, Late
from qiscus_simulator.values import Agent, AgentType, Channel, Customer, Room, RoomView, Session

NO_SUCH_ROOM = "Room not found"
ALREADY_RESOLVED = "Room already resolved"
EXCEEDS_MAX = "Cant join room, exceed max agents"
BAD_AGENT = "agent_id is invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The platform says no. ``as_object``: the body has the nested error form."""

    status: int
    why: str
    as_object: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Seated:
    """An agent sits in the room now; ``replaced`` left for it."""

    room: Room
    agent: Agent
    replaced: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A session ended; ``served_by`` sat in the room until then."""

    room: Room
    by: Agent
    served_by: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignRequest:
    """What ``assign_agent`` was asked. ``max_agent`` None: any number may sit in the room."""

    room_id: str
    agent_id: int
    max_agent: int | None
    replace_latest: bool


class Platform:
    """The rooms and agents of one app."""

    def __init__(self, app_id: str, agents: Iterable[Agent], first_room: int, next_id: Callable[[], int]) -> None:
        """Start with agents and no rooms. ``next_id`` gives session ids, growing over all apps."""
        self.app_id = app_id
        self.agents = {agent.id: agent for agent in agents}
        self.rooms: dict[str, Room] = {}
        self.in_order: list[Room] = []
        self._open: dict[str, Room] = {}
        self._closed: dict[str, Room] = {}
        self._first_room = first_room
        self._next_id = next_id

    def assign(self, request: AssignRequest, at: float) -> Seated | Refused:
        """Put an agent in a room, or say why not."""
        room, agent = self.rooms.get(request.room_id), self.agent(request.agent_id)
        if room is None:
            return Refused(status=404, why=NO_SUCH_ROOM, as_object=False)
        if room.is_resolved:
            return Refused(status=400, why=ALREADY_RESOLVED, as_object=False)
        if agent is None:
            return Refused(status=400, why=BAD_AGENT, as_object=True)
        replaced = None
        if request.replace_latest and room.seated and room.seated[-1] != agent.id:
            replaced = room.seated[-1]
            self._unseat(room, replaced, at)
        elif request.max_agent is not None and len(room.seated) >= request.max_agent:
            return Refused(status=400, why=EXCEEDS_MAX, as_object=False)
        self._seat(room, agent, at)
        return Seated(room=room, agent=agent, replaced=replaced)

    def remove(self, room_id: str, agent_id: int, at: float) -> Room | Refused:
        """Take an agent out of a room; the last one leaves it waiting."""
        room = self.rooms.get(room_id)
        if room is None:
            return Refused(status=404, why=NO_SUCH_ROOM, as_object=False)
        if agent_id not in room.seated or room.is_resolved:
            return Refused(status=400, why=BAD_AGENT, as_object=True)
        self._unseat(room, agent_id, at)
        self._show(room, at, "system", f"{self.agents[agent_id].name} was removed from this conversation by Supervisor")
        return room

    def resolve(self, room_id: str, by: int, at: float) -> Resolved | Refused:
        """End the room's session, whoever waits or sits in it."""
        room, agent = self.rooms.get(room_id), self.agent(by)
        if room is None:
            return Refused(status=404, why=NO_SUCH_ROOM, as_object=False)
        if agent is None:
            return Refused(status=400, why=BAD_AGENT, as_object=True)
        if room.is_resolved:
            return Refused(status=400, why=ALREADY_RESOLVED, as_object=False)
        served_by = tuple(room.seated)
        for seated in served_by:
            self._unseat(room, seated, at)
        room.session.resolved_at, room.session.resolved_by = at, by
        self._closed[room.id] = self._open.pop(room.id)
        self._show(room, at, "system", f"{agent.name} marked this conversation as resolved")
        return Resolved(room=room, by=agent, served_by=served_by)

    def arrive(self, channel: Channel, customer: Customer, at: float) -> Room:
        """Open a new room with its first session, waiting."""
        number = self._first_room + len(self.rooms)
        room = Room(
            id=str(number),
            row=number % 1_000_000_000,
            channel=channel,
            customer=customer,
            session=self._session(at),
            past=None,
            seated=[],
            views=Late(_view(customer, "customer", "hello", at, at, "hello", waiting=True, resolved=False), at),
        )
        self.rooms[room.id] = self._open[room.id] = room
        self.in_order.append(room)
        return room

    def come_back(self, room: Room, at: float) -> None:
        """Open the next session of a resolved room."""
        assert room.is_resolved, "a room has one open session at a time"
        room.past, room.session = room.session, self._session(at)
        self._closed.pop(room.id, None)
        self._open[room.id] = room
        self._show(room, at, "customer", "hello again")

    def write(self, room: Room, at: float) -> None:
        """Let the customer of a room send one more message."""
        self._show(room, at, "customer", "halo?")

    def agent(self, agent_id: int) -> Agent | None:
        """Return the agent, unless it is unknown or deleted."""
        agent = self.agents.get(agent_id)
        return None if agent is None or agent.deleted else agent

    def listed(self) -> list[Agent]:
        """Return all who are not deleted, by id."""
        return [agent for agent in self.agents.values() if not agent.deleted]

    def eligible(self, key: str) -> list[Agent]:
        """Return those whose channels include ``key``, offline ones, supervisors and admins among them."""
        return [agent for agent in self.agents.values() if key in agent.channels and not agent.deleted]

    def least_busy(self, key: str, at: float, *, ignore_availability: bool) -> Agent | None:
        """Return the agent the platform itself would pick, by its own late count and knowing no cap."""
        fitting = [
            agent
            for agent in self.eligible(key)
            if agent.type is AgentType.AGENT and (agent.online or ignore_availability)
        ]
        return min(fitting, key=lambda agent: (agent.count.as_of(at), agent.id), default=None)

    def open_rooms(self) -> list[Room]:
        """Return the rooms with a running session, oldest session first."""
        return list(self._open.values())

    def rooms_lately(self, at: float) -> list[Room]:
        """Return rooms that are open now or were within the longest lag; forget the others."""
        while self._closed:
            room = next(iter(self._closed.values()))
            if room.session.resolved_at is None or room.session.resolved_at >= at - MAX_LAG_S:
                break
            del self._closed[room.id]
        return [*self._open.values(), *self._closed.values()]

    def _session(self, at: float) -> Session:
        return Session(id=self._next_id(), opened_at=at, retrieved_at=None, resolved_at=None, resolved_by=None)

    def _seat(self, room: Room, agent: Agent, at: float) -> None:
        if agent.id not in room.seated:
            room.seated.append(agent.id)
            agent.count.set(agent.count.now + 1, at)
        room.session.retrieved_at = room.session.retrieved_at or at
        self._show(room, at, "system", f"{agent.name} joined this conversation")

    def _unseat(self, room: Room, agent_id: int, at: float) -> None:
        room.seated.remove(agent_id)
        agent = self.agents[agent_id]
        agent.count.set(agent.count.now - 1, at)

    def _show(self, room: Room, at: float, sender_type: str, text: str) -> None:
        old, customer = room.views.now, sender_type == "customer"
        view = _view(
            room.customer,
            sender_type,
            text,
            at,
            at if customer else old.last_customer_at,
            text if customer else old.customer_text,
            waiting=room.is_waiting,
            resolved=room.is_resolved,
        )
        room.views.set(view, at)


def _view(  # noqa: PLR0917 - a row has that many columns
    customer: Customer,
    sender_type: str,
    text: str,
    at: float,
    customer_at: float,
    customer_text: str,
    *,
    waiting: bool,
    resolved: bool,
) -> RoomView:
    return RoomView(
        is_waiting=waiting,
        is_resolved=resolved,
        sender=customer.user_id if sender_type == "customer" else "admin@example.com",
        sender_type=sender_type,
        text=text,
        last_comment_at=at,
        last_customer_at=customer_at,
        customer_text=customer_text,
    )
