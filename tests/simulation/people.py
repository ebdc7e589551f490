"""Customers write, agents resolve, people interfere; and the platform sends its webhooks."""

import asyncio
from collections.abc import Callable

import msgspec

from allocator.core.ids import AppId, RoomId
from contract import Event, EventId, RoomResolved, RoomWaiting
from simulation.loop import finish, outside
from simulation.place import APP
from simulation.script import SOURCES
from simulation.system import System

SENDER_TIMEOUT_S = 3.0
SECOND_AFTER_S = (0.001, 1.0)
REORDERED_S = 2.0


class People:
    """Everybody outside."""

    def __init__(self, system: System) -> None:
        self.lost = self.doubled = self.reordered = 0.0
        """Which share of the webhooks."""
        self._system, self._place = system, system.place
        self._dice = system.chance.of("people")
        self._stays: list[tuple[RoomId, int]] = []
        self._patient = True
        self._events = self._sent = 0
        system.place.served = self._is_served

    # --- what they do

    def comes(self, room: str) -> None:
        """A customer begins a session in ``room``, or writes again in the one that goes on."""
        if self._place.is_open(RoomId(room)):
            self.writes(room)
            return
        source = SOURCES[int(room) % len(SOURCES)]
        known = self._place.arrive(room, source)
        self._send("allocate", known, self._waiting(known))

    def writes(self, room: str) -> None:
        """A customer writes again; the platform tells of it if nobody is there."""
        known = RoomId(room)
        if self._place.waits(known):
            self._place.add("message", room=known)
            self._send("allocate", known, self._waiting(known))

    def interferes(self, how: str) -> None:
        """A supervisor does something to a room."""
        rooms = [room for room in self._place.rooms if self._place.is_open(room)]
        online = [agent for agent, one in self._place.agents.items() if one.online]
        if not rooms or not online:
            return
        room, agent = self._dice.choice(rooms), self._dice.choice(online)
        waits = self._place.waits(room)
        self._system.log(f"somebody {how}: room {room}")
        if how == "resolves by hand":
            self._resolve(room)
        elif how == "assigns by hand" and waits:
            self._place.put(room, agent)
            self._is_served(room, self._place.session_of(room))
        elif how == "takes over" and not waits and agent not in self._place.rooms[room].agents:
            self._place.put(room, agent)
        elif how == "removes" and not waits:
            self._place.remove(room)

    def sees_to(self, room: RoomId) -> None:
        """Somebody helps the customer in ``room`` without an agent."""
        self._system.log(f"somebody sees to room {room}")
        self._resolve(room)

    def nobody_leaves(self) -> None:
        """Conversations that can last, last; whoever stands in the way of others still goes."""
        self._patient = False
        loop = asyncio.get_running_loop()
        loop.call_later(0.0, self._make_room, context=outside())

    def everybody_leaves(self) -> None:
        """All conversations end soon, and those that begin."""
        self._patient = True
        for room in list(self._place.rooms):
            if self._place.is_open(room) and not self._place.waits(room):
                self._resolve(room)

    # --- inside

    def _make_room(self) -> None:
        """One conversation ends now and then, as long as somebody waits."""
        if self._patient:
            return
        waits = any(self._place.waits(room) for room in self._place.rooms)
        served = [room for room in self._place.rooms if self._place.is_open(room) and not self._place.waits(room)]
        if waits and served:
            self._resolve(served[0])
        asyncio.get_running_loop().call_later(0.5, self._make_room, context=outside())

    def _is_served(self, room: RoomId, session: int) -> None:
        if self._patient:
            after_s = self._system.chance.of(f"service {session}").uniform(0.1, 2) * self._system.script.service_s
            asyncio.get_running_loop().call_later(after_s, self._goes, room, session, context=outside())

    def _goes(self, room: RoomId, session: int) -> None:
        goes_on = self._place.is_open(room) and self._place.session_of(room) == session
        if self._patient and goes_on and not self._place.waits(room):
            self._resolve(room)

    def _resolve(self, room: RoomId) -> None:
        session = self._place.session_of(room)
        self._system.log(f"room {room} is resolved")
        self._place.resolve(room)
        self._events += 1
        event = RoomResolved(
            id=EventId(f"e{self._events:031x}"), app=AppId(APP), room=room, received_ms=0, service=session
        )
        self._send("resolve", room, event)

    def _waiting(self, room: RoomId) -> RoomWaiting:
        self._events += 1
        return RoomWaiting(
            id=EventId(f"e{self._events:031x}"),
            app=AppId(APP),
            room=room,
            received_ms=0,
            source=self._place.rooms[room].source,
            previous=self._place.previous[room] or None,
        )

    def _send(self, what: str, room: RoomId, event: Event) -> None:
        """By way of one of the gateways, some time or never; perhaps twice."""
        session = self._place.session_of(room)
        self._sent += 1
        dice = self._system.chance.of(f"webhook {what} {session} {self._sent}")
        if dice.random() < self.lost:
            self._system.log(f"the {what} webhook of room {room} is lost")
            return
        self._place.add("webhook_sent", room=room, of=session, what=what)
        delay_s = dice.uniform(0.001, 0.01)
        if dice.random() < self.reordered:
            delay_s += dice.uniform(0, REORDERED_S)
        self._deliver_after(delay_s, what, room, session, event)
        if dice.random() < self.doubled:
            self._events += 1
            again = msgspec.structs.replace(event, id=EventId(f"e{self._events:031x}"))
            self._deliver_after(delay_s + dice.uniform(*SECOND_AFTER_S), what, room, session, again)

    def _deliver_after(self, delay_s: float, what: str, room: RoomId, session: int, event: Event) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(delay_s, self._deliver, what, room, session, event, context=outside())

    def _deliver(self, what: str, room: RoomId, session: int, event: Event) -> None:
        loop = asyncio.get_running_loop()
        gateway = self._dice.choice(self._system.gateways)
        told: asyncio.Future[int] = loop.create_future()
        told.add_done_callback(self._answered(what, room, session, event), context=outside())
        loop.call_later(SENDER_TIMEOUT_S, finish, told, 0, context=outside())
        gateway.receive(event, told)

    def _answered(self, what: str, room: RoomId, session: int, event: Event) -> Callable[["asyncio.Future[int]"], None]:
        def note(told: "asyncio.Future[int]") -> None:
            if told.result() == 200:
                self._system.acknowledged[event.id] = room
            self._place.add("webhook_answered", room=room, of=session, what=what, status=told.result())
            if told.result() != 200:
                self._system.log(f"the {what} webhook of room {room} is answered {told.result() or 'by nobody'}")

        return note
