"""A transaction of a ledger in memory."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from allocator.core.changes import Changes
from allocator.core.ids import AgentId, AppId, Epoch, Lane, RoomId, SessionId
from allocator.core.intake import Arrival, End, Known, Room
from allocator.core.lifecycle import TOLD
from allocator.core.policy import Halt, Policy, PolicyError, compile_spec, standard
from allocator.core.requests import REQUESTS_MAX, Answer, Ground, Kind, News, Request
from allocator.core.roster import Load
from allocator.core.session import OPEN, UNSETTLED, Session, State
from allocator.core.steps import Step
from allocator.core.survey import Survey
from allocator.ports import Audit, Clock, Due
from contract import RoomResolved
from support.memory.rows import EventThere, RequestThere, Rows
from support.memory.script import Begins

START = datetime.min.replace(tzinfo=UTC)
PARKED_FOR = timedelta(hours=1)
FORGET_MAX = 2_000


class MemoryTransaction:
    """The :class:`~allocator.ports.Transaction` over a copy of the rows."""

    def __init__(self, rows: Rows, epoch: Epoch, clock: Clock, script: Begins) -> None:
        self._rows = rows
        self._epoch = epoch
        self._clock = clock
        self._script = script

    async def record(self, arrivals: Sequence[Arrival], now: datetime) -> Known:
        """See the port."""
        await self._script.begin("record")
        fresh = self._fresh(arrivals, now)
        rooms = {(one.event.app, one.event.room) for one in fresh}
        there = self._rows.open_rooms
        sessions = {room: self._rows.sessions[there[room]] for room in rooms if room in there}
        unknown = rooms - set(sessions)
        return Known(
            fresh=[one for one in fresh if not (one.found and self._is_left_out(one, now))],
            sessions=sessions,
            ends={room: end for room in unknown if (end := self._last_end(room)) is not None},
        )

    async def sessions(self, ids: Iterable[SessionId]) -> Mapping[SessionId, Session]:
        """See the port."""
        await self._script.begin("sessions")
        return {one: self._rows.sessions[one] for one in ids if one in self._rows.sessions}

    async def unsettled(self, apps: Iterable[AppId]) -> Sequence[Session]:
        """See the port."""
        await self._script.begin("unsettled")
        wanted = set(apps)
        found = [one for one in self._rows.sessions.values() if one.app in wanted and one.state in UNSETTLED]
        return sorted(found, key=lambda one: (one.reserved_at or one.waiting_since, one.id))

    async def ahead(self, apps: Iterable[AppId], moment: datetime) -> Sequence[Session]:
        """See the port."""
        await self._script.begin("ahead")
        wanted = set(apps)
        return [one for one in self._rows.sessions.values() if one.app in wanted and _is_ahead(one, moment)]

    async def due(self, now: datetime, at_most: int, skip: Iterable[SessionId], apps: Iterable[AppId]) -> Due:
        """See the port."""
        await self._script.begin("due")
        left, wanted = set(skip), set(apps)
        found = [
            (one.due_at, one.id, one)
            for one in self._rows.sessions.values()
            if one.due_at is not None and one.app in wanted and one.id not in left
        ]
        found.sort()
        ready = [one for due_at, _, one in found if due_at <= now]
        if len(ready) > at_most:
            return Due(sessions=ready[:at_most], next_at=now)
        later = [due_at for due_at, _, _ in found if due_at > now]
        return Due(sessions=ready, next_at=min(later, default=None))

    async def write(self, changes: Changes, steps: Sequence[Step] = ()) -> None:
        """See the port."""
        await self._script.begin("write")
        pairs = sorted(changes, key=lambda pair: pair[1].state in OPEN)
        freed = [before for before, after in pairs if before and before.slot and _slot(before) != _slot(after)]
        given = [after for before, after in pairs if after.slot and (before is None or _slot(before) != _slot(after))]
        for one in freed:
            self._rows.free(one.id)
        for _, after in pairs:
            self._rows.put(after)
        for one in given:
            self._rows.give(one)
        for one in (*freed, *given):
            assert one.agent is not None
            self._rows.agents[one.app, one.agent] = self._clock.wall()
        for step in steps:
            self._tell(step)

    def _tell(self, step: Step) -> None:
        key = step.app, step.room
        told = self._rows.steps.get(key, ())
        if all((step.session, step.at, step.what) != (there.session, there.at, there.what) for there in told):
            self._rows.steps[key] = (*told, step)

    async def survey(self, app: AppId, closed_since: datetime, per_lane: int, *, by_lane: bool = False) -> Survey:
        """See the port."""
        await self._script.begin("survey")
        policy = self._policy(app)
        return Survey(
            policy=policy,
            loads=self._loads(app, closed_since, by_lane=by_lane or bool(policy.channel_caps)),
            heads=self._heads(app, per_lane),
        )

    def _policy(self, app: AppId) -> Policy:
        halt = self._rows.halts.get(app)
        for version, spec in reversed(self._rows.policies.get(app, ())):
            try:
                return replace(compile_spec(spec, version), halt=halt)
            except PolicyError:
                continue
        return replace(standard(), halt=halt)

    async def put_policy(self, app: AppId, spec: object, now: datetime) -> int:
        """See the port."""
        await self._script.begin("put_policy")
        assert now.tzinfo is not None
        plain: Any = json.loads(json.dumps(spec))
        versions = self._rows.policies.get(app, ())
        if versions and versions[-1][1] == plain:
            return versions[-1][0]
        version = 1 + max((rows[-1][0] for rows in self._rows.policies.values()), default=0)
        self._rows.policies[app] = (*versions, (version, plain))
        return version

    async def news(self, known: Mapping[AppId, int]) -> News:
        """See the port."""
        await self._script.begin("news")
        newest = {app: rows[-1][0] for app, rows in self._rows.policies.items()}
        asked = [one.request for one in self._rows.requests.values() if one.answer is None and one.request.app in known]
        return News(
            policies=[app for app, version in known.items() if newest.get(app, 0) != version],
            requests=sorted(asked, key=lambda one: (one.at, one.id))[:REQUESTS_MAX],
        )

    async def concerned(self, requests: Sequence[Request]) -> Ground:
        """See the port."""
        await self._script.begin("concerned")
        rooms = {(one.app, one.room) for one in requests}
        sessions: dict[Room, Session] = {}
        for one in sorted(self._rows.sessions.values(), key=lambda one: (one.ended_at is None, one.ended_at or START)):
            if (one.app, one.room) in rooms:
                sessions[one.app, one.room] = one
        apps = {one.app for one in requests if one.room is None}
        return Ground(sessions=sessions, halts={app: one for app, one in self._rows.halts.items() if app in apps})

    async def answer(self, answers: Sequence[Answer], halts: Mapping[AppId, Halt | None], now: datetime) -> None:
        """See the port."""
        await self._script.begin("answer")
        assert now.tzinfo is not None
        for one in answers:
            if one.request.id in self._rows.requests:
                self._rows.requests[one.request.id] = RequestThere(request=one.request, answer=one)
        for app, halt in halts.items():
            self._rows.halts.pop(app, None)
            if halt is not None:
                self._rows.halts[app] = halt

    async def use_policy(self, app: AppId, version: int, now: datetime) -> None:
        """See the port."""
        await self._script.begin("use_policy")
        assert now.tzinfo is not None
        self._rows.in_use[app] = version

    def _loads(self, app: AppId, closed_since: datetime, *, by_lane: bool) -> Mapping[AgentId, Load]:
        taken: dict[AgentId, set[int]] = {}
        for of_app, agent, number in self._rows.slots:
            if of_app == app:
                taken.setdefault(agent, set()).add(number)
        closed: dict[AgentId, int] = {}
        for one in self._rows.sessions.values():
            if one.app != app or one.ended_at is None or one.ended_at <= closed_since:
                continue
            if one.agent is not None and one.ending in TOLD:
                closed[one.agent] = closed.get(one.agent, 0) + 1
        lanes = self._lanes(app) if by_lane else {}
        return {
            agent: Load(
                taken=frozenset(taken.get(agent, ())),
                closed=closed.get(agent, 0),
                busy_at=busy_at.timestamp(),
                by_lane=lanes.get(agent, {}),
            )
            for (of_app, agent), busy_at in self._rows.agents.items()
            if of_app == app
        }

    async def last_agents(self, app: AppId, rooms: Iterable[RoomId], ended_after: datetime) -> Mapping[RoomId, AgentId]:
        """See the port."""
        await self._script.begin("last_agents")
        wanted = set(rooms)
        ended = [
            (one.ended_at, one.room, one.agent)
            for one in self._rows.sessions.values()
            if one.app == app and one.room in wanted and one.state is State.RESOLVED
            if one.agent is not None and one.ended_at is not None and one.ended_at > ended_after
        ]
        return {room: agent for _, room, agent in sorted(ended)}

    async def heads(self, app: AppId, per_lane: int) -> Mapping[Lane, Sequence[Session]]:
        """See the port."""
        await self._script.begin("heads")
        return self._heads(app, per_lane)

    def _heads(self, app: AppId, per_lane: int) -> Mapping[Lane, Sequence[Session]]:
        lanes: dict[Lane, list[Session]] = {}
        for one in sorted(self._in_turn(app), key=lambda one: (one.lane, one.waiting_since, one.id)):
            line = lanes.setdefault(one.lane, [])
            if len(line) < per_lane:
                line.append(one)
        return {lane: line for lane, line in lanes.items() if line}

    async def forget(self, events_before: datetime, sessions_before: datetime) -> int:
        """See the port."""
        await self._script.begin("forget")
        events = [key for key, one in self._rows.events.items() if one.recorded_at < events_before][:FORGET_MAX]
        sessions = [
            one.id
            for one in self._rows.sessions.values()
            if one.ended_at is not None and one.ended_at < sessions_before
        ][:FORGET_MAX]
        for key in events:
            del self._rows.events[key]
        for identity in sessions:
            del self._rows.sessions[identity]
        return (
            len(events) + len(sessions) + self._forget_steps(sessions_before) + self._forget_requests(sessions_before)
        )

    def _forget_requests(self, before: datetime) -> int:
        old = [key for key, one in self._rows.requests.items() if one.request.at < before][:FORGET_MAX]
        for key in old:
            del self._rows.requests[key]
        return len(old)

    def _forget_steps(self, before: datetime) -> int:
        old = [(key, one) for key, told in self._rows.steps.items() for one in told if one.at < before][:FORGET_MAX]
        for key, one in old:
            left = tuple(there for there in self._rows.steps[key] if there != one)
            self._rows.steps.update({key: left})
        return len(old)

    async def served_by(
        self, app: AppId, agents: Iterable[AgentId], assigned_before: datetime, at_most: int
    ) -> Sequence[Session]:
        """See the port."""
        await self._script.begin("served_by")
        wanted = set(agents)
        found = [
            (one.checked_at or one.assigned_at, one.id, one)
            for one in self._rows.sessions.values()
            if one.app == app and one.agent in wanted and one.slot is not None and one.state is State.ASSIGNED
            if one.due_at is None and one.assigned_at is not None and one.assigned_at < assigned_before
        ]
        return [one for _, _, one in sorted(found, key=lambda row: row[:2])[:at_most]]

    async def to_audit(self, app: AppId, audit: Audit) -> Sequence[Session]:
        """See the port."""
        await self._script.begin("to_audit")
        served = [
            (one.checked_at or one.assigned_at, one)
            for one in self._rows.sessions.values()
            if one.app == app and one.state is State.ASSIGNED and one.due_at is None
        ]
        stale = [(at, one.id, one) for at, one in served if at is not None and at < audit.checked_before]
        found = [one for _, _, one in sorted(stale)[: audit.at_most]]
        if audit.unserved is not None:
            waiting = [
                (one.waiting_since, one.id, one)
                for one in self._in_turn(app)
                if one.waiting_since < audit.waiting_before and one.room not in audit.unserved
            ]
            found.extend(one for _, _, one in sorted(waiting)[: audit.at_most])
        return found

    def _lanes(self, app: AppId) -> dict[AgentId, dict[Lane, int]]:
        lanes: dict[AgentId, dict[Lane, int]] = {}
        for one in self._rows.sessions.values():
            if one.app == app and one.slot is not None and one.agent is not None:
                of_agent = lanes.setdefault(one.agent, {})
                of_agent[one.lane] = of_agent.get(one.lane, 0) + 1
        return lanes

    def _in_turn(self, app: AppId) -> list[Session]:
        rows = self._rows
        waiting = (rows.sessions[one] for (of_app, _), one in rows.open_rooms.items() if of_app == app)
        return [one for one in waiting if one.state is State.WAITING and one.due_at is None]

    def _fresh(self, arrivals: Sequence[Arrival], now: datetime) -> list[Arrival]:
        services = {(app, one.service) for (app, _), one in self._rows.events.items() if one.service is not None}
        fresh: list[Arrival] = []
        for one in arrivals:
            event = one.event
            if one.found:
                fresh.append(one)
                continue
            if (event.app, event.id) in self._rows.events:
                continue
            service = event.service if isinstance(event, RoomResolved) else None
            self._rows.events[event.app, event.id] = EventThere(
                kind="room_resolved" if isinstance(event, RoomResolved) else "room_waiting",
                room=event.room,
                service=service,
                accepted_at=one.at,
                recorded_at=now,
            )
            if service is not None and (event.app, service) in services:
                continue
            if service is not None:
                services.add((event.app, service))
            fresh.append(one)
        return fresh

    def _is_left_out(self, found: Arrival, now: datetime) -> bool:
        """Whether a room that a sweep found was refused for good lately, or withdrawn since it waits."""
        room = (found.event.app, found.event.room)
        withdrawn = (
            one.request
            for one in self._rows.requests.values()
            if one.request.kind is Kind.WITHDRAW and one.answer is not None and one.answer.done
        )
        return room not in self._rows.open_rooms and (
            any((one.app, one.room) == room and one.at >= found.at for one in withdrawn) or self._is_parked(room, now)
        )

    def _is_parked(self, room: Room, now: datetime) -> bool:
        ended = (
            one.ended_at
            for one in self._rows.sessions.values()
            if (one.app, one.room) == room and one.state is State.PARKED
        )
        return any(at is not None and at > now - PARKED_FOR for at in ended)

    def _last_end(self, room: Room) -> End | None:
        """The latest end, counting what was recorded just now too, and the largest numbers."""
        over = [one for one in self._rows.sessions.values() if (one.app, one.room) == room and one.ended_at]
        told = [
            one
            for (app, _), one in self._rows.events.items()
            if (app, one.room) == room and one.kind == "room_resolved"
        ]
        times = [*(one.ended_at for one in over if one.ended_at), *(one.accepted_at for one in told)]
        if not times:
            return None
        return End(
            at=max(times),
            service=max((one.service for one in told if one.service is not None), default=None),
            previous=max((one.previous for one in over if one.previous is not None), default=None),
        )


def _is_ahead(session: Session, moment: datetime) -> bool:
    if session.due_at is not None:
        return session.due_at > moment
    seen_at = session.checked_at or session.assigned_at
    return session.state is State.ASSIGNED and seen_at is not None and seen_at > moment


def _slot(session: Session) -> tuple[AgentId | None, int | None]:
    return session.agent if session.slot else None, session.slot
