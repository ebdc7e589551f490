"""``allocator policy try``: the present backlog and roster under another policy. Nothing is changed.

Postgres is read in transactions that may only read, and the platform is asked who may take the first room of each
lane, as the leader asks it every second; nobody is assigned.
"""

import asyncio
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime

from allocator.adapters.clock import SystemClock
from allocator.adapters.postgres_trial import HEADS_MAX, Backlog, PostgresTrial
from allocator.adapters.qiscus import Client, QiscusPlatform, new_client
from allocator.commands import Words, asking, showing
from allocator.commands.asking import EXIT_WELL, Desk
from allocator.core.ids import AppId, SessionId
from allocator.core.plan import Plan
from allocator.core.policy import Policy, compile_spec
from allocator.core.roster import Roster
from allocator.core.session import Session
from allocator.core.trial import Present, tried
from allocator.settings import Settings, apps_of
from chassis.settings import SettingError

_TEACHES = (
    "Takes who waits now and who may take them, and says whom the file's policy would give to whom, who would wait and "
    f"why, and the same of the policy in force. Of each lane it looks at the first {HEADS_MAX}. Nothing is changed."
)


def add(words: Words) -> ArgumentParser:
    """Add the word."""
    return asking.add(words, "try", trial, summary="what a file would do now", teaches=_TEACHES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What two policies make of a moment."""

    app: AppId
    sessions: list[Session]
    policy: Policy
    in_force: Policy
    now: Plan
    then: Plan


async def trial(desk: Desk) -> int:
    """Print what the file's policy would do."""
    spec = desk.words.given(desk.words.file)
    app = asking.require_one(await desk.apps())
    if app not in spec.get("apps", [app]):
        raise SettingError(f"{desk.words.file} is not for app {app}: its `apps` are {', '.join(spec['apps'])}")
    outcome = await _tried(desk, app, compile_spec(spec, version=0))
    if desk.words.json:
        showing.as_json(_plain(desk, outcome))
    else:
        _show(desk, outcome)
    return EXIT_WELL


async def _tried(desk: Desk, app: AppId, policy: Policy) -> _Outcome:
    settings, lag_s = desk.settings, desk.settings.platform_lag_s
    async with AsyncExitStack() as stack:
        stores = PostgresTrial(settings.database_url, settings.database_timeout_s)
        stack.push_async_callback(stores.close)
        in_force = await stores.in_force(app)
        backlog = await stores.backlog(app, [in_force, policy], desk.now, lag_s)
        client = await stack.enter_async_context(new_client())
        platform = _platform(settings, app, client)
        plans = [
            tried(one, await _present(desk, platform, backlog, number, asks_platform=one.asks_platform), lag_s)
            for number, one in enumerate((in_force, policy))
        ]
    sessions = [one for line in backlog.heads.values() for one in line]
    sessions.sort(key=lambda one: (one.waiting_since, one.id))
    return _Outcome(app=app, sessions=sessions, policy=policy, in_force=in_force, now=plans[0], then=plans[1])


def _platform(settings: Settings, app: AppId, client: Client) -> QiscusPlatform:
    found = next((one for one in apps_of(settings) if one.id == app), None)
    if found is None:
        raise SettingError(f"app {app} is not among those that are served here")
    return QiscusPlatform(
        client,
        base_url=found.base_url or settings.base_url,
        app_id=found.id,
        secret_key=found.secret_key or "",
        timeout_s=settings.platform_timeout_s,
    )


async def _present(
    desk: Desk, platform: QiscusPlatform, backlog: Backlog, number: int, *, asks_platform: bool
) -> Present:
    """The moment, as policy ``number`` of the backlog's would see it; who may take a lane is left out where the
    platform does not say.
    """
    lanes = [(lane, line[0].room) for lane, line in backlog.heads.items()]
    now = SystemClock().now()
    found: Sequence[object] = await asyncio.gather(
        *(platform.suggestion(lane, now) if asks_platform else platform.roster(room, now) for lane, room in lanes)
    )
    said = zip(lanes, found, strict=True)
    return Present(
        at=desk.now,
        loads=backlog.loads,
        heads=backlog.heads,
        rosters={lane: roster for (lane, _), roster in said if isinstance(roster, Roster)},
        last_agents=backlog.last_agents[number],
    )


def _show(desk: Desk, outcome: _Outcome) -> None:
    given, waiting = len(outcome.then.reservations), len(outcome.then.reasons)
    showing.out(
        f"{outcome.app}: with {desk.words.file} {given} would be assigned at once and {waiting} would wait. "
        "Nothing was changed."
    )
    opens_at = _opens_at(outcome.policy, desk.now)
    if opens_at is not None:
        showing.out(f"It is outside of its hours; they begin at {showing.when(opens_at, desk.now)}.")
    now, then = _verdicts(outcome.now), _verdicts(outcome.then)
    rows = [
        (number, one.room, one.lane, showing.since(one.waiting_since, desk.now), then[one.id], now[one.id])
        for number, one in enumerate(outcome.sessions, 1)
    ]
    heads = ("", "room", "lane", "waits", "with the file", f"with version {outcome.in_force.version}, in force")
    for line in showing.table(heads, rows) if rows else ():
        showing.out(line)


def _opens_at(policy: Policy, now: datetime) -> datetime | None:
    """When the policy's hours begin, if customers are held until then."""
    return None if policy.hours is None or policy.is_open(now) else policy.hours.opens_at(now)


def _verdicts(made: Plan) -> dict[SessionId, str]:
    """What becomes of each session, for people."""
    waits = {session: f"waits: {why}" for session, why in made.reasons.items()}
    return waits | {given.session: f"agent {given.agent}" for given in made.reservations}


def _plain(desk: Desk, outcome: _Outcome) -> dict[str, object]:
    agents = [{given.session: given.agent for given in made.reservations} for made in (outcome.then, outcome.now)]
    return {
        "app": outcome.app,
        "version": outcome.in_force.version,
        "opens_at": _opens_at(outcome.policy, desk.now),
        "assigned": len(outcome.then.reservations),
        "waiting": len(outcome.then.reasons),
        "sessions": [
            {
                "room": one.room,
                "lane": one.lane,
                "since": one.waiting_since,
                "agent": agents[0].get(one.id),
                "why": outcome.then.reasons.get(one.id),
                "agent_in_force": agents[1].get(one.id),
                "why_in_force": outcome.now.reasons.get(one.id),
            }
            for one in outcome.sessions
        ],
    }
