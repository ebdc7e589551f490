"""The recorded forms: what the platform's answers and webhooks look like, filled with the simulator's values.

The templates lie in ``forms/`` as they were recorded (``responses``, ``errors``, ``caa``, ``resolve``). A filled form
has exactly the keys of its template; what the simulator has no value for stays as recorded, secrets as ``REDACTED``.
"""

import json
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Final

from qiscus_simulator.platform import NO_SUCH_ROOM, Refused, Resolved
from qiscus_simulator.values import CHANNEL_BY_KEY, Agent, Json, Room, RoomView

PER_PAGE: Final = 20


def load(folder: str) -> dict[str, Json]:
    """Return the templates of a folder by name, without the ending."""
    paths = sorted((files("qiscus_simulator") / "forms" / folder).iterdir(), key=lambda path: path.name)
    return {
        path.name.removesuffix(".json"): json.loads(path.read_text("utf-8"))
        for path in paths
        if path.name.endswith(".json")
    }


_RESPONSES: Final = load("responses")
_ERRORS: Final = load("errors")
_AGENT_V1: Final[Json] = _RESPONSES["agents_get_by_ids_v1"]["data"][0]
DIVISION_ID: Final = 77
_AGENT_V2: Final[Json] = _RESPONSES["agent_by_id_v2"]["data"]["agent"]
_AGENT_ARRAY: Final[Json] = _RESPONSES["available_agents_array_variant"]["data"][0]
_ALLOCATED: Final[Json] = _RESPONSES["allocate_agent"]["data"]["agent"]
_ADDED: Final[Json] = _RESPONSES["assign_agent"]["data"]["added_agent"]
_SERVICE: Final[Json] = _RESPONSES["assign_agent_with_service"]["data"]["service"]
_RESOLVED: Final[Json] = _RESPONSES["mark_as_resolved"]["data"]["service"]
_ROOM_INFO: Final[Json] = _RESPONSES["mark_as_resolved"]["data"]["room_info"]["room"]
_ROOM_ROW: Final[Json] = _RESPONSES["customer_rooms_v2"]["data"]["customer_rooms"][0]
_ROOM_ONE: Final[Json] = _RESPONSES["customer_room_by_id_v2"]["data"]["customer_room"]
_WEBHOOK: Final[Json] = _RESPONSES["webhook_config_v2"]["data"]["webhook_configs"][0]
_APP: Final[Json] = _RESPONSES["set_mark_as_resolved_webhook"]["data"]
_AVATAR: Final = "https://omnichannel.qiscus.com/img/default_avatar.svg"


def zoned(at: float) -> str:
    """Return a time as v2 answers have it: ``2023-11-07T03:41:11Z``."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def spaced(at: float) -> str:
    """Return a time as v1 answers have it: ``2023-11-07 03:41:11``."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def agents_page(agents: list[Agent], as_of: float, after: str | None, before: str | None, limit: int) -> Json:
    """Return the v2 list of available or other agents; ``as_of`` is the moment whose counts are told."""
    meta = {"after": after, "before": before, "per_page": limit, "total_count": None}
    return {"data": {"agents": [agent_v2(agent, as_of) for agent in agents]}, "meta": meta, "status": 200}


def agents_array(agents: list[Agent], as_of: float) -> Json:
    """Return the other form of the list, ``data`` an array, as the public sample shows it."""
    return {"data": [_agent_array(agent, as_of) for agent in agents]}


def agents_list(agents: list[Agent], as_of: float, total: int, limit: int) -> Json:
    """Return the v2 list of all agents."""
    rows = [agent_v2(agent, as_of) for agent in agents]
    return {"data": {"agents": rows}, "meta": {"per_page": limit, "total_count": total}, "status": 200}


def agent_one(agent: Agent, as_of: float) -> Json:
    """Return one agent, v2."""
    return {"data": {"agent": agent_v2(agent, as_of)}, "status": 200}


def agents_by_ids(agents: list[Agent], as_of: float) -> Json:
    """Return the v1 list by ids."""
    return {"data": [agent_v1(agent, as_of) for agent in agents]}


def allocated(agent: Agent | None, as_of: float) -> Json:
    """Return the platform's own pick. ``null`` when nobody is online is our guess; it was not recorded."""
    if agent is None:
        return {"data": {"agent": None}}
    return {"data": {"agent": {**_ALLOCATED, **_person(agent), "count": agent.count.as_of(as_of)}}}


def assigned(agent: Agent, room: Room, at: float, *, with_service: bool) -> Json:
    """Return the answer to an assign; one client also saw ``data.service``."""
    data: Json = {"added_agent": _added(agent)}
    if with_service:
        times = dict.fromkeys(("retrieved_at", "created_at", "updated_at"), spaced(at))
        data["service"] = {**_SERVICE, "room_id": room.id, "user_id": agent.id, **times}
    return {"data": data}


def resolved(result: Resolved, notes: str | None, at: float) -> Json:
    """Return the answer to ``mark_as_resolved``."""
    room, session = result.room, result.room.session
    service = {
        **_RESOLVED,
        "id": session.id,
        "notes": notes,
        "resolved_at": {**_RESOLVED["resolved_at"], "date": f"{spaced(at)}.000000"},
        "user_id": result.by.id,
        "room_id": room.id,
        "retrieved_at": spaced(session.retrieved_at or at),
        "updated_at": spaced(at),
        "created_at": spaced(session.opened_at),
        "user": _added(result.by),
    }
    options = json.dumps({"source": room.channel.key, "is_resolved": True}, separators=(",", ":"))
    info = {**_ROOM_INFO, "room_id": room.id, "room_name": room.customer.name, "room_options": options}
    return {"data": {"service": service, "room_info": {"room": info}}}


def removed(room: Room) -> Json:
    """Return the answer to ``remove_agent``. Our guess: its body was not recorded."""
    return {"data": {"room_id": room.id}, "status": 200}


def rooms_page(rooms: list[tuple[Room, RoomView]], limit: int) -> Json:
    """Return the list of rooms; the cursors are the edge rows' times to the second."""
    rows = [_row(_ROOM_ROW, room, view) for room, view in rooms]
    full = len(rows) >= limit
    meta = {
        "current_total": len(rows),
        "cursor_after": rows[-1]["last_comment_timestamp"] if full else "",
        "cursor_before": rows[0]["last_comment_timestamp"] if rows else "",
    }
    return {"data": {"customer_rooms": rows}, "meta": meta, "status": 200}


def room_one(room: Room, view: RoomView) -> Json:
    """Return one room."""
    return {"data": {"customer_room": _row(_ROOM_ONE, room, view)}, "status": 200}


def app_settings(app_id: str, allocate_url: str, resolve_url: str) -> Json:
    """Return the app object, the answer to setting a webhook. The secret stays redacted."""
    urls = {
        "app_code": app_id,
        "name": f"Simulated {app_id}",
        "allocate_agent_webhook_url": allocate_url or None,
        "is_allocate_agent_webhook_enabled": bool(allocate_url),
        "mark_as_resolved_webhook_url": resolve_url or None,
        "is_mark_as_resolved_webhook_enabled": bool(resolve_url),
    }
    return {"data": {**_APP, **urls}}


def webhook_configs(resolve_url: str, at: float) -> Json:
    """Return the list of webhooks that are set."""
    found = [{**_WEBHOOK, "url": resolve_url, "created_at": zoned(at), "updated_at": zoned(at)}] if resolve_url else []
    return {"data": {"webhook_configs": found}, "status": 200}


def refusal(refused: Refused, *, as_object: bool) -> Json:
    """Return an error body: a string under ``errors``, or the nested form one implementer saw."""
    if as_object or refused.as_object:
        return {"errors": {**_ERRORS["errors_object_variant"]["errors"], "message": refused.why}, "status": 400}
    return {"errors": refused.why}


def unauthorized() -> Json:
    """Return the body of a 401."""
    return _ERRORS["unauthorized_401"]


def forbidden() -> Json:
    """Return the body of the 403 that something in front of the API gives, whatever the credentials."""
    return _ERRORS["forbidden_403_traceid"]


def no_such_room() -> Json:
    """Return the body of a 404. The wording is our guess."""
    return {"errors": NO_SUCH_ROOM}


def agent_v2(agent: Agent, as_of: float) -> Json:
    """Return an agent as v2 lists have it."""
    return {
        **_AGENT_V2,
        **_person(agent),
        "current_customer_count": agent.count.as_of(as_of),
        "type_as_string": agent.type.word,
        "user_channels": _channels(agent.channels),
        "user_roles": _divisions(agent.divisions),
    }


def agent_v1(agent: Agent, as_of: float) -> Json:
    """Return an agent as v1 lists have it; two of its counters are strings."""
    count = agent.count.as_of(as_of)
    supervisor = agent.type.word == "supervisor"
    person = _person(agent, avatar=_AGENT_V1["avatar_url"])
    return {**_AGENT_V1, **person, "current_customer_count": count, "is_supervisor": supervisor}


def candidate(template: Json, agent: Agent) -> Json:
    """Return ``candidate_agent`` in the form of its template."""
    known = {**_person(agent), "type_as_string": agent.type.word}
    return {**template, **{name: known[name] for name in known if name in template}}


def _added(agent: Agent) -> Json:
    return {**_ADDED, **_person(agent), "type_as_string": agent.type.word}


def _agent_array(agent: Agent, as_of: float) -> Json:
    known = {**_person(agent), "type_as_string": agent.type.word, "current_customer_count": agent.count.as_of(as_of)}
    rules = [f"{key}_messaging" for key in sorted(agent.channels)]
    return {**_AGENT_ARRAY, **{name: known[name] for name in known if name in _AGENT_ARRAY}, "assigned_rules": rules}


def _person(agent: Agent, *, avatar: str | None = None) -> Json:
    return {
        "id": agent.id,
        "name": agent.name,
        "email": agent.email,
        "sdk_email": f"QXVxD_{agent.email}",
        "is_available": agent.online,
        "type": int(agent.type),
        "avatar_url": avatar,
    }


@cache
def _channels(keys: frozenset[str]) -> list[Json]:
    channels = (channel for key, channel in CHANNEL_BY_KEY.items() if key in keys)
    return [{"id": channel.id, "name": channel.name} for channel in channels]


@cache
def _divisions(names: frozenset[str]) -> list[Json]:
    return [{"id": DIVISION_ID + number, "name": name} for number, name in enumerate(sorted(names))]


def _row(template: Json, room: Room, view: RoomView) -> Json:
    return {
        **template,
        "channel_id": room.channel.id,
        "contact_id": room.row % 1_000_000 if room.row % 5 else None,
        "id": room.row,
        "is_handled_by_bot": False,
        "is_resolved": view.is_resolved,
        "is_waiting": view.is_waiting,
        "last_comment_sender": view.sender,
        "last_comment_sender_type": view.sender_type,
        "last_comment_text": view.text,
        "last_comment_timestamp": zoned(view.last_comment_at),
        "last_customer_comment_text": view.customer_text,
        "last_customer_timestamp": zoned(view.last_customer_at),
        "name": room.customer.name,
        "room_badge": None,
        "room_id": room.id,
        "source": room.channel.key,
        "user_avatar_url": _AVATAR,
        "user_id": room.customer.user_id,
    }
