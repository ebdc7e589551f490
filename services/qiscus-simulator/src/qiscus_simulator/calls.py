"""The REST calls: what each one does to the world and answers. No sockets here.

Paths, parameters and forms are the recorded ones. Where the record is silent (wording of a 404, the body of
``remove_agent``, what a bad cursor gives) it is our guess.
"""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from qiscus_simulator import forms, rooms
from qiscus_simulator.platform import BAD_AGENT, AssignRequest, Refused
from qiscus_simulator.values import Agent, AgentType, Json, Room
from qiscus_simulator.world import World

LIMIT_MAX: Final = 100
OK: Final = 200
DIGITS_MAX: Final = 18
REFUSED_ROOM: Final = "Room cannot be served"
"""Our guess: the wording for a room that is always refused, which only the control API can ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as received: path, query and body in one mapping. ``other_shape`` asks for the other recorded form."""

    number: int
    at: float
    params: Json
    other_shape: bool

    def text(self, name: str) -> str:
        """Return a parameter as text, empty when it is missing."""
        value = self.params.get(name)
        return "" if value is None else str(value)

    def integer(self, name: str, default: int) -> int:
        """Return a parameter as a number, the default when it is none."""
        text = self.text(name)
        return int(text) if _is_number(text) else default

    def flag(self, name: str) -> bool:
        """Return a parameter as yes or no; form values are text."""
        return self.text(name).lower() in {"true", "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status and a JSON body."""

    status: int
    body: Json


Handler = Callable[[World, Call], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One call of the API. ``reads``: it changes nothing, whatever its method."""

    method: str
    path: str
    name: str
    reads: bool
    handler: Handler


def assign_agent(world: World, call: Call) -> Answer:
    """Put one agent in one room; ``max_agent`` makes it a compare-and-set on the room."""
    status = world.refused_rooms.get(call.text("room_id"))
    if status is not None:
        world.note("refused", number=call.number, room=call.text("room_id"), note=REFUSED_ROOM)
        return Answer(status=status, body={"errors": REFUSED_ROOM})
    request = AssignRequest(
        room_id=call.text("room_id"),
        agent_id=call.integer("agent_id", 0),
        max_agent=call.integer("max_agent", 0) or None,
        replace_latest=call.flag("replace_latest_agent"),
    )
    result = world.assign(request, what="api", number=call.number)
    if isinstance(result, Refused):
        return refused(result, call)
    return _ok(forms.assigned(result.agent, result.room, call.at, with_service=call.other_shape))


def allocate_agent(world: World, call: Call) -> Answer:
    """Tell whom the platform would pick. It assigns nobody and knows no cap."""
    as_of = _counts_as_of(world, call)
    ignore = call.flag("ignore_availability")
    agent = world.platform.least_busy(call.text("source"), as_of, ignore_availability=ignore)
    return _ok(forms.allocated(agent, as_of))


def available_agents(world: World, call: Call) -> Answer:
    """List who may take this room: offline ones, supervisors and admins too."""
    room = world.platform.rooms.get(call.text("room_id"))
    if room is None:
        return _no_such_room()
    return _agents_page(world, call, world.platform.eligible(room.channel.key))


def other_agents(world: World, call: Call) -> Answer:
    """List who is not in this room."""
    room = world.platform.rooms.get(call.text("room_id"))
    if room is None:
        return _no_such_room()
    others = [agent for agent in world.platform.listed() if agent.id not in room.seated]
    return _agents_page(world, call, _search(others, call.text("search")))


def agents(world: World, call: Call) -> Answer:
    """List all agents, by number of page."""
    found = _search(world.platform.listed(), call.text("search"))
    limit, page = _limit(call), max(1, call.integer("page", 1))
    rows = found[(page - 1) * limit : page * limit]
    return _ok(forms.agents_list(rows, _counts_as_of(world, call), len(found), limit))


def agent_by_id(world: World, call: Call) -> Answer:
    """Tell one agent."""
    agent = world.platform.agent(call.integer("id", 0))
    if agent is None:
        return Answer(status=404, body={"errors": "Agent not found"})
    return _ok(forms.agent_one(agent, _counts_as_of(world, call)))


def agents_get_by_ids(world: World, call: Call) -> Answer:
    """List agents by ids, v1 form; unknown ones are left out."""
    wanted = [int(text) for text in call.params.get("ids[]", []) if _is_number(str(text))]
    found = [agent for agent in map(world.platform.agent, wanted) if agent is not None]
    return _ok(forms.agents_by_ids(found, _counts_as_of(world, call)))


def customer_rooms(world: World, call: Call) -> Answer:
    """List rooms, newest comment first, as they were some time ago."""
    lag_s = max(world.faults.list_lag_s, world.faults.room_lag_s)
    limit = min(rooms.LIMIT, call.integer("limit", rooms.LIMIT) or rooms.LIMIT)
    query = rooms.RoomQuery(
        serve_status=call.text("serve_status"),
        status=call.text("status"),
        cursor_after=call.text("cursor_after"),
        cursor_before=call.text("cursor_before"),
        limit=limit,
    )
    try:
        return _ok(forms.rooms_page(rooms.page(world.platform, query, call.at, call.at - lag_s), limit))
    except ValueError:
        return Answer(status=400, body={"errors": "cursor is invalid"})


def customer_room(world: World, call: Call) -> Answer:
    """Tell one room. Stale it may be, but a room that exists is always found."""
    room = world.platform.rooms.get(call.text("room_id"))
    if room is None:
        return _no_such_room()
    return _ok(forms.room_one(room, room.views.as_of(call.at - world.faults.room_lag_s)))


def mark_as_resolved(world: World, call: Call) -> Answer:
    """End a room's session in the admin's name; the resolve webhook follows."""
    admin, notes = world.one_of_type(AgentType.ADMIN), call.text("notes") or None
    result = world.resolve(call.text("room_id"), admin.id, what="api", notes=notes)
    return refused(result, call) if isinstance(result, Refused) else _ok(forms.resolved(result, notes, call.at))


def remove_agent(world: World, call: Call) -> Answer:
    """Take an agent out of a room."""
    result = world.remove(call.text("room_id"), call.integer("agent_id", 0), what="api")
    return _ok(forms.removed(result)) if isinstance(result, Room) else refused(result, call)


def set_resolve_webhook(world: World, call: Call) -> Answer:
    """Set where the resolve webhook goes."""
    return _set_webhook(world, call, "resolve_url")


def webhook_config(world: World, call: Call) -> Answer:
    """Tell where the resolve webhook goes; of the other one no record tells."""
    return _ok(forms.webhook_configs(world.targets.resolve_url, call.at))


def set_allocate_webhook(world: World, call: Call) -> Answer:
    """Set where the allocation webhook goes."""
    return _set_webhook(world, call, "allocate_url")


ADMIN: Final = "/api/v1/admin/service"
ROUTES: Final = tuple(
    Route(method=method, path=path, name=handler.__name__, reads=reads, handler=handler)
    for method, path, reads, handler in (
        ("POST", f"{ADMIN}/assign_agent", False, assign_agent),
        ("POST", f"{ADMIN}/allocate_agent", True, allocate_agent),
        ("POST", f"{ADMIN}/mark_as_resolved", False, mark_as_resolved),
        ("POST", f"{ADMIN}/remove_agent", False, remove_agent),
        ("GET", "/api/v2/admin/service/available_agents", True, available_agents),
        ("GET", "/api/v2/admin/service/other_agents", True, other_agents),
        ("GET", "/api/v2/admin/agents", True, agents),
        ("GET", "/api/v2/admin/agent/{id}", True, agent_by_id),
        ("GET", "/api/v1/admin/agents/get_by_ids", True, agents_get_by_ids),
        ("POST", "/api/v2/customer_rooms", True, customer_rooms),
        ("GET", "/api/v2/customer_rooms/{room_id}", True, customer_room),
        ("GET", "/api/v2/admin/webhook_config", True, webhook_config),
        ("POST", "/api/v1/app/webhook/mark_as_resolved", False, set_resolve_webhook),
        ("POST", "/api/v1/app/webhook/agent_allocation", False, set_allocate_webhook),
    )
)


def refused(result: Refused, call: Call) -> Answer:
    """Return the platform's no."""
    return Answer(status=result.status, body=forms.refusal(result, as_object=call.other_shape))


def is_online(world: World, call: Call) -> bool:
    """Tell whether the agent a call is about is online."""
    agent = world.platform.agent(call.integer("agent_id", 0))
    return agent is not None and agent.online


def refused_agent(world: World, call: Call, why: str) -> Answer:
    """Refuse an assign with a 400 about the agent, because of a fault."""
    about = {"room": call.text("room_id"), "agent": call.integer("agent_id", 0)}
    world.note("refused", number=call.number, note=why, **about)
    return refused(Refused(status=400, why=BAD_AGENT, as_object=True), call)


def is_web_address(url: str) -> bool:
    """Tell whether webhooks could be sent there."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _is_number(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) <= DIGITS_MAX


def _set_webhook(world: World, call: Call, field: str) -> Answer:
    url, enabled = call.text("webhook_url"), call.text("is_webhook_enabled").lower() not in {"false", "0"}
    if enabled and not is_web_address(url):
        return Answer(status=400, body={"errors": "webhook_url is invalid"})
    setattr(world.targets, field, url if enabled else "")
    return _ok(forms.app_settings(world.app_id, world.targets.allocate_url, world.targets.resolve_url))


def _agents_page(world: World, call: Call, found: list[Agent]) -> Answer:
    limit, as_of = _limit(call), _counts_as_of(world, call)
    if call.other_shape:
        return _ok(forms.agents_array(found, as_of))
    try:
        after, before = _cursor(call.text("cursor_after")), _cursor(call.text("cursor_before"))
    except ValueError:
        return Answer(status=400, body={"errors": "cursor is invalid"})
    found.sort(key=lambda agent: agent.id)
    within = [agent for agent in found if (not after or agent.id > after) and (not before or agent.id < before)]
    rows = within[-limit:] if before else within[:limit]
    more = bool(rows) and rows[-1].id != found[-1].id
    fewer = bool(rows) and rows[0].id != found[0].id
    return _ok(
        forms.agents_page(
            rows, as_of, _opaque(rows[-1].id) if more else None, _opaque(rows[0].id) if fewer else None, limit
        )
    )


def _opaque(agent_id: int) -> str:
    return base64.b64encode(json.dumps({"id": agent_id}, separators=(",", ":")).encode()).decode()


def _cursor(opaque: str) -> int:
    if not opaque:
        return 0
    try:
        return int(json.loads(base64.b64decode(opaque, validate=True))["id"])
    except (binascii.Error, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(opaque) from error


def _search(found: list[Agent], words: str) -> list[Agent]:
    words = words.casefold()
    return [agent for agent in found if words in agent.name.casefold() or words in agent.email.casefold()]


def _limit(call: Call) -> int:
    return min(LIMIT_MAX, call.integer("limit", forms.PER_PAGE) or forms.PER_PAGE)


def _counts_as_of(world: World, call: Call) -> float:
    return call.at - world.faults.counter_lag_s


def _no_such_room() -> Answer:
    return Answer(status=404, body=forms.no_such_room())


def _ok(body: Json) -> Answer:
    return Answer(status=OK, body=body)
