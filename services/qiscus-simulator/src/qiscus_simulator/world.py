"""One app alive: its platform, its customers and agents, and what they do as time goes by.

The laws are the platform's and the draws are the traffic's; this ties them to timers, webhooks and the record. Every
change of the platform passes through here, so nothing happens that the record does not have.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from qiscus_simulator.chance import happens
from qiscus_simulator.faults import Faults, Span, as_json
from qiscus_simulator.platform import AssignRequest, Platform, Refused, Resolved, Seated
from qiscus_simulator.record import Record
from qiscus_simulator.sender import Delivery, Sender
from qiscus_simulator.traffic import DOUBLE_AFTER_S, Arrival, Traffic
from qiscus_simulator.values import Agent, AgentType, Json, Room
from qiscus_simulator.webhooks import allocate_body, pick_allocate_form, pick_resolve_form, resolve_body

ALLOCATE: Final = "allocate"
RESOLVE: Final = "resolve"


@dataclass(slots=True, kw_only=True)
class Targets:
    """Where webhooks go; empty: nowhere yet."""

    allocate_url: str
    resolve_url: str


class World:
    """One app. Not thread-safe: everything runs on one event loop."""

    def __init__(  # noqa: PLR0913 - the parts of an app, each given once
        self,
        *,
        platform: Platform,
        secret: str,
        traffic: Traffic,
        faults: Faults,
        record: Record,
        sender: Sender,
        targets: Targets,
        clock: Callable[[], float],
        customers_per_s: float,
        service_s: Span | None,
    ) -> None:
        """Tie the parts together and write the agents and faults down as they are at the start."""
        self.platform, self.app_id, self.secret = platform, platform.app_id, secret
        self.traffic, self.faults, self.targets, self.clock = traffic, faults, targets, clock
        self.customers_per_s, self.service_s = customers_per_s, service_s
        self.arrivals = 0
        self.refused_rooms: dict[str, int] = {}
        self._record, self._sender = record, sender
        self._forms = traffic.stream("forms")
        self._chance = traffic.stream("webhooks")
        self._away: set[int] = set()
        self._service_due: dict[int, asyncio.TimerHandle] = {}
        self._chatting: set[int] = set()
        self._silent: set[int] = set()
        for agent in platform.agents.values():
            record.add_agent(self.app_id, agent)
        self._write_faults_down(as_json(faults))

    def note(self, kind: str, **fields: Any) -> None:
        """Write something down that happened in this app."""
        self._record.add(self.app_id, kind, **fields)

    def arrive(self, arrival: Arrival, room: Room | None, *, send: bool) -> Room:
        """Let a customer come, into ``room`` when it is given; ``send`` False: no webhook ever tells of it."""
        at = self.clock()
        if room is None:
            room = self.platform.arrive(arrival.channel, arrival.customer, at)
        else:
            self.platform.come_back(room, at)
        self.arrivals += 1
        self.note("arrived", room=room.id, session=room.session.id, what=room.channel.key)
        if not send:
            self._silent.add(room.session.id)
            return room
        body = self._announce(room, "first")
        if arrival.doubled_after_s is not None:
            self._send_copy(room, room.session.id, ALLOCATE, body, arrival.doubled_after_s)
        self._chat(room)
        return room

    def old_room(self) -> Room | None:
        """Draw a resolved room whose customer may come back."""
        rooms = self.platform.in_order
        drawn = (rooms[index] for index in self.traffic.old_rooms(len(rooms)))
        return next((room for room in drawn if room.is_resolved), None)

    def write_again(self, room: Room) -> None:
        """Let a waiting customer write once more; the webhook comes again as long as nobody sits in the room."""
        self.platform.write(room, self.clock())
        if room.is_waiting:
            self._announce(room, "again")

    def assign(self, request: AssignRequest, *, what: str, number: int) -> Seated | Refused:
        """Seat an agent by the laws, for the API or by hand."""
        result = self.platform.assign(request, self.clock())
        if isinstance(result, Refused):
            room = self.platform.rooms.get(request.room_id)
            self.note(
                "refused",
                room=request.room_id,
                session=room.session.id if room else 0,
                agent=request.agent_id,
                number=number,
                note=result.why,
            )
            return result
        room = result.room
        self.note(
            "assigned",
            room=room.id,
            session=room.session.id,
            agent=result.agent.id,
            other=result.replaced or 0,
            number=number,
            what=what,
        )
        self._serve(room)
        return result

    def remove(self, room_id: str, agent_id: int, *, what: str) -> Room | Refused:
        """Take an agent out of a room; when it was the last one the customer waits, and writes, again."""
        room = self.platform.remove(room_id, agent_id, self.clock())
        if isinstance(room, Refused):
            return room
        self.note("removed", room=room_id, session=room.session.id, agent=agent_id, what=what)
        if room.is_waiting:
            self._stop_serving(room.session.id)
            self._chat(room)
        return room

    def resolve(self, room_id: str, by: int, *, what: str, notes: str | None) -> Resolved | Refused:
        """End a session and send the resolve webhook."""
        result = self.platform.resolve(room_id, by, self.clock())
        if isinstance(result, Refused):
            return result
        room, session = result.room, result.room.session
        self._stop_serving(session.id)
        self.note("resolved", room=room_id, session=session.id, agent=by, what=what)
        body = resolve_body(pick_resolve_form(self._forms), self.platform, result, notes)
        self._notify(room.id, session.id, RESOLVE, _encoded(body), "first")
        return result

    def change_agent(self, agent: Agent, changes: dict[str, Any]) -> None:
        """Set fields of an agent (online, channels, divisions, capacity, deleted)."""
        if "online" in changes:
            self._away.discard(agent.id)
        for name, value in changes.items():
            setattr(agent, name, value)
        self._record.add_agent(self.app_id, agent)

    def send_away(self, agent: Agent, for_s: float) -> None:
        """Let an agent go offline and come back, unless somebody decides about it meanwhile."""
        self.change_agent(agent, {"online": False})
        self._away.add(agent.id)
        self.later(for_s, lambda: self._come_back_online(agent))

    def set_faults(self, faults: Faults) -> None:
        """Let other faults be in force from now on."""
        before, after = as_json(self.faults), as_json(faults)
        self.faults = faults
        self._write_faults_down({name: after[name] for name in after if after[name] != before[name]})

    def set_service(self, span: Span | None) -> None:
        """Set how long agents talk; None: nobody resolves by itself any more."""
        self.service_s = span
        if span is None:
            for session_id in tuple(self._service_due):
                self._stop_serving(session_id)
            return
        for room in self.platform.open_rooms():
            if room.seated:
                self._serve(room)

    def serving_agents(self) -> list[Agent]:
        """Return the ordinary agents that are not deleted."""
        return [agent for agent in self.platform.listed() if agent.type is AgentType.AGENT]

    def one_of_type(self, agent_type: AgentType) -> Agent:
        """Return the app's admin or supervisor."""
        return next(agent for agent in self.platform.agents.values() if agent.type is agent_type)

    def later(self, after_s: float, do: Callable[[], object]) -> asyncio.TimerHandle:
        """Do something after a while."""
        return asyncio.get_running_loop().call_later(after_s, do)

    def _come_back_online(self, agent: Agent) -> None:
        if agent.id in self._away:
            self.change_agent(agent, {"online": True})

    def _serve(self, room: Room) -> None:
        session_id = room.session.id
        if self.service_s is None or session_id in self._service_due:
            return
        after_s = self.traffic.service_s(self.service_s)
        self._service_due[session_id] = self.later(after_s, lambda: self._finish(room, session_id))

    def _stop_serving(self, session_id: int) -> None:
        timer = self._service_due.pop(session_id, None)
        if timer is not None:
            timer.cancel()

    def _finish(self, room: Room, session_id: int) -> None:
        self._service_due.pop(session_id, None)
        if room.session.id != session_id or room.is_resolved or not room.seated:
            return
        word = self.traffic.resolver()
        by = {
            "admin": self.one_of_type(AgentType.ADMIN).id,
            "supervisor": self.one_of_type(AgentType.SUPERVISOR).id,
        }.get(word, room.seated[-1])
        if self.platform.agent(by) is None:  # a deleted agent's chats are ended by the admin
            by = self.one_of_type(AgentType.ADMIN).id
        self.resolve(room.id, by, what="served", notes=self.traffic.notes())

    def _chat(self, room: Room) -> None:
        session_id, gap_s = room.session.id, self.traffic.chatter_gap_s()
        if session_id in self._chatting or session_id in self._silent or gap_s <= 0:
            return
        self._chatting.add(session_id)
        self.later(gap_s, lambda: self._chat_on(room, session_id))

    def _chat_on(self, room: Room, session_id: int) -> None:
        self._chatting.discard(session_id)
        if room.session.id == session_id and room.is_waiting:
            self.write_again(room)
            self._chat(room)

    def _announce(self, room: Room, note: str) -> bytes:
        as_of = self.clock() - self.faults.counter_lag_s
        body = _encoded(allocate_body(pick_allocate_form(self._forms), self.platform, room, as_of))
        self._notify(room.id, room.session.id, ALLOCATE, body, note)
        return body

    def _notify(self, room: str, session: int, what: str, body: bytes, note: str) -> None:
        delivery = self._delivery(room, session, what, body, note)
        faults = self.faults
        if not delivery.url or self._is_lost(delivery):
            return
        if faults.webhook_reordered > 0:
            self._sender.send_out_of_order(delivery, self._chance.uniform(0, faults.webhook_reordered))
        else:
            self._sender.send(delivery)
        if happens(self._chance, faults.webhook_doubled):
            doubled = replace(delivery, note="doubled")
            self._sender.send_out_of_order(doubled, self._chance.uniform(*DOUBLE_AFTER_S))

    def _send_copy(self, room: Room, session: int, what: str, body: bytes, after_s: float) -> None:
        delivery = self._delivery(room.id, session, what, body, "doubled")
        if delivery.url and not self._is_lost(delivery):
            self._sender.send_out_of_order(delivery, after_s)

    def _is_lost(self, delivery: Delivery) -> bool:
        """Whether nobody is told; each delivery has its own luck, a second one of the same webhook too."""
        faults, what = self.faults, delivery.what
        if not happens(self._chance, faults.webhook_lost_allocate if what == ALLOCATE else faults.webhook_lost_resolve):
            return False
        self.note("webhook_lost", room=delivery.room, session=delivery.session, what=what, note=delivery.note)
        return True

    def _delivery(self, room: str, session: int, what: str, body: bytes, note: str) -> Delivery:
        url = self.targets.allocate_url if what == ALLOCATE else self.targets.resolve_url
        return Delivery(app_id=self.app_id, what=what, url=url, room=room, session=session, body=body, note=note)

    def _write_faults_down(self, faults: Json) -> None:
        for name, value in faults.items():
            self.note("fault", what=name, value=max(value) if isinstance(value, list | tuple) else value)


def _encoded(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
