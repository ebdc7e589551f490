"""Sessions, snapshots and times for the tests of the core."""

from datetime import UTC, datetime, timedelta

from allocator.core.ids import AgentId, AppId, Lane, RoomId, SessionId
from allocator.core.lifecycle import Timing, reserve
from allocator.core.plan import Head, Snapshot
from allocator.core.policy import compile_spec, folded
from allocator.core.roster import Load, Roster, Seen
from allocator.core.session import opened
from contract import EventId, RoomResolved, RoomWaiting

APP = AppId("demo")
NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
TIMING = Timing(
    platform_timeout_s=4.0, quarantine_s=30.0, first_look_s=0.5, longest_look_s=30.0, lag_s=3.0, refusals_max=8
)
AGENT = AgentId(7)


def after(seconds):
    """So long after noon."""
    return NOON + timedelta(seconds=seconds)


def waiting(number=1, *, since=NOON, room="100", lane="wa", previous=None, verify=False):
    """A session that waits."""
    return opened(
        id=SessionId(f"{number:032x}"),
        app=APP,
        room=RoomId(room),
        lane=Lane(lane),
        since=since,
        previous=previous,
        look_at=since if verify else None,
    )


def reserved(session=None, *, agent=AGENT, slot=1, capacity=2, now=None):
    """A session that has a slot, not announced yet."""
    return reserve(session or waiting(), agent=agent, slot=slot, capacity=capacity, version=1, now=now or after(10))


def event_id(number):
    """An event's id."""
    return EventId(f"{number:032x}")


def came(number=1, *, room="100", source="wa", channel=None, previous=None):
    """A customer waits."""
    return RoomWaiting(
        id=event_id(number),
        app=APP,
        room=RoomId(room),
        received_ms=0,
        source=source,
        channel=channel,
        previous=previous,
    )


def over(number=2, *, room="100", service=None):
    """A room was resolved."""
    return RoomResolved(id=event_id(number), app=APP, room=RoomId(room), received_ms=0, service=service)


def head(number, *, lane="wa", since=None, avoid=(), last_agent=None):
    """A session at the front of its lane; without ``since``, in the order of the numbers."""
    return Head(
        session=SessionId(f"{number:032x}"),
        lane=Lane(lane),
        waiting_since=after(number if since is None else since),
        avoid=frozenset(map(AgentId, avoid)),
        last_agent=last_agent,
    )


def seen(agent, *, online=True, count=0, divisions=(), email=None):
    """An agent in a roster."""
    return Seen(
        agent=AgentId(agent),
        online=online,
        count=count,
        divisions=frozenset(map(folded, divisions)),
        email=None if email is None else folded(email),
    )


def roster(*agents, uses=None, read_at=0.0, offline=()):
    """Agents by their numbers, all online but ``offline``, or as they were seen."""
    found = [one if isinstance(one, Seen) else seen(one, online=one not in offline) for one in agents]
    return Roster(agents=tuple(found), read_at=read_at, uses=uses)


def load(*taken, closed=0, busy_at=0.0, by_lane=None):
    """An agent's slots that are taken."""
    return Load(taken=frozenset(taken), closed=closed, busy_at=busy_at, by_lane=by_lane or {})


def snapshot(heads, rosters, **parts):
    """All that a plan may know; ``heads`` in order, any lanes."""
    lanes = {}
    for one in heads:
        lanes.setdefault(one.lane, []).append(one)
    given = {
        "policy": compile_spec(parts.pop("spec", {}), 1),
        "at": NOON,
        "heads": {lane: tuple(line) for lane, line in lanes.items()},
        "rosters": {Lane(lane): one for lane, one in rosters.items()},
        "loads": {},
        "foreign": {},
        "awaited": frozenset(),
        "gate": None,
        "budget": 1000,
    }
    return Snapshot(**(given | parts))
