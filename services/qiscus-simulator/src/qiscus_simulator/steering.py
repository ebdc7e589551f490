"""What the control API does to an app: steer the traffic, the faults, the agents, and act as people do.

Each takes the app and what was asked, and returns what to tell. ``Wrong`` and ValueError carry a sentence for people.
"""

from typing import Any, Final

from qiscus_simulator import faults, people
from qiscus_simulator.calls import is_web_address
from qiscus_simulator.platform import Refused
from qiscus_simulator.traffic import Arrival
from qiscus_simulator.values import ALL_KEYS, CHANNEL_BY_KEY, Agent, AgentType, Json, Room
from qiscus_simulator.world import World

COUNT_MAX: Final = 10_000
CAPACITY_MAX: Final = 1000
ID_MAX: Final = 10**18
NAME_MAX: Final = 100
SERVICE_MAX_S: Final = 86_400.0
REFUSALS: Final = (400, 403, 404, 422, 429, 500, 503)
DEEDS: Final = ("assign", "takeover", "resolve", "remove")


class Wrong(Exception):
    """What was asked makes no sense; the text says why and what is allowed."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        """Be answered with ``status`` and the sentence."""
        super().__init__(sentence)
        self.status = status


def state(world: World, _: Json) -> Json:
    """Tell what is the case now."""
    rooms = world.platform.open_rooms()
    agents = world.serving_agents()
    return {
        "app_id": world.app_id,
        "arrivals": world.arrivals,
        "waiting": sum(room.is_waiting for room in rooms),
        "served": sum(bool(room.seated) for room in rooms),
        "resolved": world.arrivals - len(rooms),
        "slots_used": sum(agent.count.now for agent in agents),
        "slots_total": sum(agent.capacity for agent in agents),
        "slots_online": sum(agent.capacity for agent in agents if agent.online),
        "agents": len(agents),
        "agents_online": sum(agent.online for agent in agents),
        "customers_per_s": world.customers_per_s,
        "service_s": world.service_s,
        "allocate_url_set": bool(world.targets.allocate_url),
        "resolve_url_set": bool(world.targets.resolve_url),
    }


def set_traffic(world: World, asked: Json) -> Json:
    """Set how many customers come; 0 stops arrivals and nothing else."""
    rate = asked.get("customers_per_s")
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= faults.RATE_MAX:
        raise Wrong(f"customers_per_s is '{rate}'; allowed: a number from 0 to {faults.RATE_MAX:g}")
    world.customers_per_s = float(rate)
    return {"customers_per_s": world.customers_per_s}


def set_faults(world: World, asked: Json) -> Json:
    """Set some faults; the others stay."""
    changes = {name: value for name, value in asked.items() if name != "app_id"}
    world.set_faults(faults.with_changes(world.faults, changes))
    return faults.as_json(world.faults)


def set_agent(world: World, asked: Json) -> Json:
    """Change an agent."""
    agent = world.platform.agents.get(_whole(asked, "id", ID_MAX))
    if agent is None:
        raise Wrong(f"there is no agent {asked['id']} in app {world.app_id}", 404)
    changes: dict[str, Any] = {}
    for name, field in (("is_available", "online"), ("deleted", "deleted")):
        if name in asked:
            changes[field] = _flag(asked, name)
    if "capacity" in asked:
        changes["capacity"] = _whole(asked, "capacity", CAPACITY_MAX)
    if "channels" in asked:
        changes["channels"] = _channels(asked["channels"])
    if "divisions" in asked:
        changes["divisions"] = _divisions(asked["divisions"])
    world.change_agent(agent, changes)
    return _told(agent)


def set_room(world: World, asked: Json) -> Json:
    """Let every assign to a room be refused with a status, or (null) no more."""
    room, status = _room(world, asked), asked.get("refuse")
    if status is None:
        world.refused_rooms.pop(room.id, None)
    elif isinstance(status, int) and status in REFUSALS:
        world.refused_rooms[room.id] = status
    else:
        raise Wrong(f"refuse is '{status}'; allowed: {', '.join(map(str, REFUSALS))} or null")
    return {**_told_room(room), "refuse": world.refused_rooms.get(room.id)}


def add_customers(world: World, asked: Json) -> Json:
    """Let customers come at once, anywhere, to one channel, or back to one room."""
    count = _whole(asked, "count", COUNT_MAX) if "count" in asked else 1
    send = _flag(asked, "send") if "send" in asked else True
    if asked.get("room_id"):
        return {"room_ids": [_come_back(world, _room(world, asked), send=send).id] * min(count, 1)}
    key = asked.get("source")
    if key is not None and not (isinstance(key, str) and key in CHANNEL_BY_KEY):
        raise Wrong(f"source is '{key}'; allowed: {', '.join(CHANNEL_BY_KEY)}")
    return {"room_ids": [_come(world, key, send=send).id for _ in range(count)]}


def act_by_hand(world: World, asked: Json) -> Json:
    """Do what a person would do: assign, takeover, resolve or remove."""
    deed, room = asked.get("do"), _room(world, asked)
    if deed not in DEEDS:
        raise Wrong(f"do is '{deed}'; allowed: {', '.join(DEEDS)}")
    if room.is_resolved:
        raise Wrong(f"room {room.id} is resolved: nothing can be done in it until its customer comes back", 409)
    if deed == "resolve":
        by = _whole(asked, "agent_id", ID_MAX) if "agent_id" in asked else world.one_of_type(AgentType.ADMIN).id
        result = world.resolve(room.id, by, what="hand", notes=None)
        if isinstance(result, Refused):
            raise Wrong(result.why, 409)
        return _told_room(room)
    return _seat_or_remove(world, room, str(deed), _whole(asked, "agent_id", ID_MAX))


def set_service(world: World, asked: Json) -> Json:
    """Set how long agents talk; null: nobody resolves by itself."""
    if "service_s" not in asked:
        raise Wrong("service_s is missing; allowed: [min, max] seconds, or null: nobody resolves by itself")
    given = asked["service_s"]
    world.set_service(None if given is None else faults.span("service_s", given, SERVICE_MAX_S))
    return {"service_s": world.service_s}


def set_webhooks(world: World, asked: Json) -> Json:
    """Set where webhooks go; an empty text: nowhere."""
    for name in ("allocate_url", "resolve_url"):
        if name not in asked:
            continue
        url = asked[name] or ""
        if not isinstance(url, str) or (url and not is_web_address(url)):
            raise Wrong(f"{name} must be an http or https address, or empty")
        setattr(world.targets, name, url)
    return {"allocate_url_set": bool(world.targets.allocate_url), "resolve_url_set": bool(world.targets.resolve_url)}


def _seat_or_remove(world: World, room: Room, deed: str, agent_id: int) -> Json:
    if world.platform.agent(agent_id) is None:
        raise Wrong(f"there is no agent {agent_id} in app {world.app_id}", 404)
    if deed == "assign":
        people.give(world, room, [agent_id])
    elif deed == "takeover":
        people.take_over(world, room, [agent_id])
    elif isinstance(world.remove(room.id, agent_id, what="hand"), Refused):
        raise Wrong(f"agent {agent_id} does not sit in room {room.id}", 409)
    return _told_room(room)


def _come(world: World, key: str | None, *, send: bool) -> Room:
    arrival = world.traffic.arrival()
    if key is not None:
        channel = CHANNEL_BY_KEY[key]
        arrival = Arrival(
            returning=False,
            channel=channel,
            customer=world.traffic.customer(channel),
            doubled_after_s=arrival.doubled_after_s,
        )
    return world.arrive(arrival, None, send=send)


def _come_back(world: World, room: Room, *, send: bool) -> Room:
    if room.is_resolved:
        return world.arrive(world.traffic.arrival(), room, send=send)
    if send:
        world.write_again(room)
    return room


def _room(world: World, asked: Json) -> Room:
    room = world.platform.rooms.get(str(asked.get("room_id", "")))
    if room is None:
        raise Wrong(f"there is no room '{asked.get('room_id', '')}' in app {world.app_id}", 404)
    return room


def _channels(keys: object) -> frozenset[str]:
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in ALL_KEYS for key in keys):
        raise Wrong(f"channels is '{keys}'; allowed: a list of {', '.join(CHANNEL_BY_KEY)}")
    return frozenset(keys)


def _divisions(names: object) -> frozenset[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) and 0 < len(name) <= NAME_MAX for name in names):
        raise Wrong(f"divisions is '{names}'; allowed: a list of names")
    return frozenset(names)


def _flag(asked: Json, name: str) -> bool:
    value = asked[name]
    if not isinstance(value, bool):
        raise Wrong(f"{name} is '{value}'; allowed: true or false")
    return value


def _whole(asked: Json, name: str, most: int) -> int:
    value = asked.get(name)
    if isinstance(value, str) and value.isdecimal() and len(value) < len(str(most)):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise Wrong(f"{name} is '{value}'; allowed: a whole number from 0 to {most}")
    return value


def _told(agent: Agent) -> Json:
    return {
        "id": agent.id,
        "type": agent.type.word,
        "is_available": agent.online,
        "channels": sorted(agent.channels),
        "divisions": sorted(agent.divisions),
        "capacity": agent.capacity,
        "deleted": agent.deleted,
        "count": agent.count.now,
    }


def _told_room(room: Room) -> Json:
    return {
        "room_id": room.id,
        "session": room.session.id,
        "agents": room.seated,
        "is_waiting": room.is_waiting,
        "is_resolved": room.is_resolved,
    }
