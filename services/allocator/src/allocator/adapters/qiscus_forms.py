"""What the platform's answers look like, and what they mean. Pure: a status and bytes in, values out.

The only place in the allocator that knows the platform's field names. Nothing of an answer is kept but ids,
counts, flags and times: answers carry tokens, keys and people's data, and no text of one is quoted anywhere.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from allocator.core import outcomes as o
from allocator.core.ids import AgentId, RoomId
from allocator.core.policy import folded
from allocator.core.roster import Seen
from allocator.ports import Failure, Unserved

AGENT_TYPE = 2
DEFAULT_RETRY_AFTER_S = 5.0
NUMBER_MAX = 2**63 - 1

_OK = range(200, 300)
_OF_THE_ROOM = (404, 422)
_OF_THE_CREDENTIALS = (401, 403)
_UNKNOWN_4XX = (408,)
_TOO_MANY = 429


def assign_outcome(status: int, headers: Mapping[str, str], body: bytes, agent: AgentId) -> o.Outcome:
    """What ``assign_agent`` for ``agent`` answered."""
    if status in _OK:
        added = _within(_json(body), "data", "added_agent", "id")
        return o.Done() if _number(added) == agent else o.Unknown("an answer of another shape")
    if status == 400:
        return _refusal(body)
    if status in _OF_THE_ROOM:
        return o.RoomRefused(f"HTTP {status}")
    failure = _failure(status, headers)
    return failure if failure is not None else o.AgentRefused(f"HTTP {status}")


def room_view(status: int, headers: Mapping[str, str], body: bytes) -> o.View:
    """What reading one room showed; ``Served(ours=False)`` where somebody is in it, whoever."""
    if status == 404:
        return o.Missing()
    room = _within(_json(body), "data", "customer_room") if status in _OK else None
    match room:
        case {"is_waiting": True}:  # comes before is_resolved, which may still speak of the last session
            return o.Waits()
        case {"is_resolved": True}:
            return o.Over()
        case {"is_waiting": False, "is_resolved": False}:
            return o.Served(ours=False)
        case _:
            return o.NotSeen(read_failure(status, headers))


def roster_page(body: bytes) -> tuple[Seen, ...] | None:
    """The agents on a page of ``available_agents``; None: another shape."""
    agents = _agents(body)
    if agents is None:
        return None
    seen = [_seen(agent) for agent in agents]
    return tuple(one for one in seen if one is not None)


def ids_page(body: bytes) -> frozenset[AgentId] | None:
    """The ids on a page of ``other_agents``, whoever they are; None: another shape."""
    agents = _agents(body)
    if agents is None:
        return None
    numbers = (_number(_within(agent, "id")) for agent in agents)
    return frozenset(AgentId(one) for one in numbers if one is not None)


def suggestion(body: bytes) -> tuple[Seen, ...] | None:
    """The agent that ``allocate_agent`` suggests, if any; None: another shape."""
    data = _within(_json(body), "data")
    if not isinstance(data, dict) or "agent" not in data:
        return None
    seen = _seen(data["agent"], count="count")
    return () if seen is None else (seen,)


def unserved_page(body: bytes, now: datetime) -> tuple[Sequence[Unserved], int, str | None] | None:
    """The rooms on a page that wait, how many rows it had, and where the next starts; None: another shape."""
    answer = _json(body)
    rows = _within(answer, "data", "customer_rooms")
    if not isinstance(rows, list):
        return None
    rooms = [_unserved(row, now) for row in rows]
    return [room for room in rooms if room is not None], len(rows), _cursor(answer, "cursor_after")


def resolve_webhooks(body: bytes) -> tuple[str, ...] | None:
    """The addresses to which resolves are told, as far as they are on; None: another shape."""
    rows = _within(_json(body), "data", "webhook_configs")
    if not isinstance(rows, list):
        return None
    told = [row for row in rows if _within(row, "type") == "mark_as_resolved" and _within(row, "is_active") is True]
    return tuple(url for row in told if isinstance(url := _within(row, "url"), str))


def next_page(body: bytes) -> str | None:
    """Where the page after this one of a list of agents starts; None: it is the last."""
    return _cursor(_json(body), "after")


def a_second_later(cursor: str) -> str:
    """The cursor of a list of rooms, which is a time, a second later; as it is, if it is none."""
    time = _time(cursor)
    return cursor if time is None else (time + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _agents(body: bytes) -> list[Any] | None:
    """The rows of a list of agents, in either of its two recorded forms; None: another shape."""
    data = _within(_json(body), "data")
    agents = data if isinstance(data, list) else _within(data, "agents")
    return agents if isinstance(agents, list) else None


def _cursor(answer: Any, name: str) -> str | None:
    cursor = _within(answer, "meta", name)
    return cursor if isinstance(cursor, str) and cursor else None


def read_failure(status: int, headers: Mapping[str, str]) -> Failure:
    """Why a reading with ``status`` brought nothing."""
    return _failure(status, headers) or o.Unknown("an answer of another shape" if status in _OK else f"HTTP {status}")


def _failure(status: int, headers: Mapping[str, str]) -> o.Unknown | o.NotNow | o.CredentialsRefused | None:
    """What concerns the whole app, or leaves everything open. None: an answer about this one request."""
    if status in _OF_THE_CREDENTIALS:
        return o.CredentialsRefused()
    if status == _TOO_MANY:
        return o.NotNow(_retry_after(headers))
    if status in _UNKNOWN_4XX or not 400 <= status < 500:
        return o.Unknown(f"HTTP {status}")
    return None


def _refusal(body: bytes) -> o.Outcome:
    words = body[:4096].decode("utf-8", "replace").lower()
    if "exceed max agent" in words:
        return o.SomebodyThere()
    return o.AlreadyOver() if "resolved" in words else o.AgentRefused("HTTP 400")


def _retry_after(headers: Mapping[str, str]) -> float:
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return DEFAULT_RETRY_AFTER_S


def _seen(agent: Any, count: str = "current_customer_count") -> Seen | None:
    """None: not an agent (supervisors and admins are listed too), or nothing that can be read."""
    number = _number(_within(agent, "id"))
    if number is None or _within(agent, "type") not in (AGENT_TYPE, None):
        return None
    online = _within(agent, "is_available") is True and _within(agent, "force_offline") is not True
    email = _within(agent, "email")
    return Seen(
        agent=AgentId(number),
        online=online,
        count=max(0, _number(_within(agent, count)) or 0),
        divisions=_divisions(agent),
        email=folded(email) if isinstance(email, str) else None,
    )


def _divisions(agent: Any) -> frozenset[str]:
    """The platform calls them roles."""
    roles = _within(agent, "user_roles")
    names = [_within(role, "name") for role in roles] if isinstance(roles, list) else []
    return frozenset(folded(name) for name in names if isinstance(name, str))


def _unserved(row: Any, now: datetime) -> Unserved | None:
    room, source = _text(_within(row, "room_id")), _within(row, "source")
    if room is None or _within(row, "is_waiting") is not True or _within(row, "is_resolved") is True:
        return None
    channel = _number(_within(row, "channel_id"))
    since = _time(_within(row, "last_customer_timestamp")) or _time(_within(row, "last_comment_timestamp")) or now
    return Unserved(
        room=RoomId(room),
        source=source if isinstance(source, str) else "",
        channel=None if channel is None else str(channel),
        since=min(since, now),
    )


def _text(value: Any) -> str | None:
    """A room's id, which comes as a text or as a number."""
    number = _number(value)
    return value if isinstance(value, str) else None if number is None else str(number)


def _time(text: Any) -> datetime | None:
    """One of the platform's three forms of a time; all are UTC."""
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
        return time if time is None else (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):  # ValueError: bytes that are no UTF-8
        return None


def _within(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _number(value: Any) -> int | None:
    """A number that an agent, a channel or a count can be; Postgres keeps none beyond."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= NUMBER_MAX else None
