"""``allocator status``: who leads, what the stores say, who waits: on one screen."""

from collections.abc import Iterator
from dataclasses import dataclass

from allocator.adapters.redis_board import InboxSeen
from allocator.adapters.redis_board import Server as Redis
from allocator.commands import Words, asking, showing
from allocator.commands.asking import EXIT_NOT_WELL, EXIT_WELL, Desk
from allocator.core.answers import ByHand, Count, Database
from allocator.core.glance import Glance
from allocator.core.session import State
from chassis.durability import Doubt

UNANSWERED_S = 10.0
INBOX_LATE_S = 10.0
"""What a leader has not taken in after so long, it does not take in."""
_TEACHES = (
    "Says in its last line what is not well, with exit status 1. Asks both stores, which answer also when no allocator "
    "runs; what the leader sees of the platform is as old as the line says."
)


def add(words: Words) -> None:
    """Add the word."""
    asking.add(words, "status", status, summary="who leads, what the stores say, who waits", teaches=_TEACHES)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppStatus:
    """One app."""

    count: Count
    inbox: InboxSeen
    glance: Glance | None
    """What its leader sees; None: nobody leads, or not for long."""
    by_hand: ByHand | None
    """None: the schema is of before that can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All of it."""

    database: Database
    expected_revision: str
    redis: Redis
    doubts: tuple[Doubt, ...]
    apps: tuple[AppStatus, ...]


async def status(desk: Desk) -> int:
    """Print it; whether all is well."""
    found = await look(desk)
    wrong = list(complaints(found, desk))
    if desk.words.json:
        showing.as_json(as_mapping(found, wrong))
    else:
        for line in (*_head(found, desk), "", *_apps(found, desk), "", *_verdict(wrong)):
            showing.out(line)
    return EXIT_NOT_WELL if wrong else EXIT_WELL


async def look(desk: Desk) -> Status:
    """Ask everybody."""
    from allocator.adapters.migrate import head_revision  # noqa: PLC0415 - Alembic takes long to import

    database, redis = await desk.answers.database(), await desk.board.server()
    expected = head_revision()
    apps = await desk.apps() if database.revision else []
    glances = await desk.board.glances(apps)
    acts = database.revision is not None and database.revision >= expected
    doubts = [*await desk.answers.doubts(), *(await desk.board.doubts() or ())]
    return Status(
        database=database,
        expected_revision=expected,
        redis=redis,
        doubts=tuple(doubts),
        apps=tuple(
            [
                AppStatus(
                    count=await desk.answers.count(app),
                    inbox=await desk.board.inbox(app),
                    glance=glances.get(app),
                    by_hand=await desk.answers.by_hand(app) if acts else None,
                )
                for app in apps
            ]
        ),
    )


def complaints(found: Status, desk: Desk) -> Iterator[str]:
    """What is not well, each in a sentence that says what to do."""
    if found.database.revision is None:
        yield "the schema is missing: run `allocator migrate`"
    elif found.database.revision < found.expected_revision:
        yield f"the schema is {found.database.revision}, older than this version's: run `allocator migrate`"
    if found.redis.leader is None:
        yield "nobody leads: see that an allocator runs, and what it says"
    for doubt in found.doubts:
        yield f"{doubt.meaning}: {doubt.remedy}"
    for app in found.apps:
        yield from _complaints_of(app, desk)


def _complaints_of(app: AppStatus, desk: Desk) -> Iterator[str]:
    name = app.count.app
    if app.glance is not None and app.glance.platform is not None:
        yield f"{name}: its platform is left alone ({app.glance.platform}): see the allocator's log"
    if app.glance is not None and app.glance.paused:
        yield f"{name}: paused by its policy, nobody is assigned: `paused: false` there ends that"
    if app.by_hand is not None:
        yield from _of_people(app.by_hand, name, desk)
    if app.count.parked:
        yield f"{name}: {app.count.parked} parked: see `allocator parked`"
    if app.inbox.head_at is not None and (desk.now - app.inbox.head_at).total_seconds() > INBOX_LATE_S:
        late = showing.since(app.inbox.head_at, desk.now)
        yield f"{name}: its inbox is not taken in for {late}: see the allocator's log"
    if app.inbox.put_aside:
        yield f"{name}: {app.inbox.put_aside} entries were put aside that nobody could read: see docs/operations"


def _of_people(by_hand: ByHand, name: str, desk: Desk) -> Iterator[str]:
    if by_hand.halt is not None:
        since = showing.when(by_hand.halt.since, desk.now)
        who = f"{by_hand.halt.by} since {since}"
        yield f"{name}: paused by {who}, nobody is assigned: `allocator resume {name}` ends that"
    if by_hand.oldest is not None and (desk.now - by_hand.oldest).total_seconds() > UNANSWERED_S:
        late = showing.since(by_hand.oldest, desk.now)
        yield f"{name}: {by_hand.open} requests of people wait for {late}: see that an allocator leads, of this version"


def _head(found: Status, desk: Desk) -> Iterator[str]:
    database, redis = found.database, found.redis
    yield f"at        {showing.when(desk.now, desk.now)} {showing.zone(desk.now)}"
    if redis.leader is None:
        yield "leader    nobody"
    else:
        since = showing.when(database.leads_since, desk.now)
        lease = f"its lease lasts {redis.lease_left_s:.0f} s more"
        yield f"leader    {redis.leader}, term {database.epoch} since {since}, {lease}"
    yield f"postgres  {database.version}, schema {database.revision or 'missing'}, {_durable(found, 'Postgres')}"
    yield f"redis     {redis.version}, {_durable(found, 'Redis')}"


def _durable(found: Status, store: str) -> str:
    ours = ("fsync", "full_page_writes", "synchronous_commit")
    doubts = [doubt.reason for doubt in found.doubts if (doubt.reason in ours) == (store == "Postgres")]
    return "not durable (" + ", ".join(doubts) + ")" if doubts else "durable"


def _apps(found: Status, desk: Desk) -> list[str]:
    heads = (
        "app",
        "waiting",
        "oldest",
        "reserved",
        "doubt",
        "served",
        "slots",
        "parked",
        "inbox",
        "policy",
        "platform",
    )
    return showing.table(heads, [_row(app, desk) for app in found.apps])


def _row(app: AppStatus, desk: Desk) -> tuple[object, ...]:
    count, glance = app.count, app.glance
    states = [count.states.get(state, 0) for state in (State.RESERVED, State.DOUBT, State.ASSIGNED)]
    waiting = count.states.get(State.WAITING, 0)
    halted = app.by_hand is not None and app.by_hand.halt is not None
    paused = halted or (glance is not None and glance.paused)
    policy = f"{'-' if glance is None else glance.policy or 0}{' paused' if paused else ''}"
    platform = None if glance is None else glance.platform or "reached"
    oldest = showing.since(count.oldest, desk.now)
    return count.app, waiting, oldest, *states, _slots(app), count.parked, app.inbox.waiting, policy, platform


def _slots(app: AppStatus) -> str:
    if app.glance is None:
        return str(app.count.slots_used)
    return f"{app.count.slots_used}/{sum(agent.capacity for agent in app.glance.agents if agent.online)}"


def _verdict(wrong: list[str]) -> list[str]:
    return [f"not well: {sentence}" for sentence in wrong] or ["well"]


def as_mapping(found: Status, wrong: list[str]) -> dict[str, object]:
    """For ``--json``."""
    return {
        "well": not wrong,
        "wrong": wrong,
        "leader": found.redis.leader,
        "lease_left_s": found.redis.lease_left_s,
        "postgres": found.database,
        "schema_expected": found.expected_revision,
        "redis": {"version": found.redis.version},
        "doubts": [doubt.reason for doubt in found.doubts],
        "apps": [
            {
                **_mapping_of(app.count),
                "paused_by": app.by_hand and app.by_hand.halt,
                "requests_open": app.by_hand and app.by_hand.open,
                "inbox": app.inbox,
                "leader_sees": app.glance and _seen(app.glance),
            }
            for app in found.apps
        ],
    }


def _mapping_of(count: Count) -> dict[str, object]:
    return {
        "app": count.app,
        "sessions": count.states,
        "oldest_waits_since": count.oldest,
        "slots_used": count.slots_used,
        "parked": count.parked,
    }


def _seen(glance: Glance) -> dict[str, object]:
    return {
        "at": glance.at,
        "platform": glance.platform or "reached",
        "policy": glance.policy,
        "paused": glance.paused,
        "slots_total": sum(agent.capacity for agent in glance.agents if agent.online),
        "agents_online": sum(agent.online for agent in glance.agents),
    }
