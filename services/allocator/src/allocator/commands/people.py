"""``allocator backlog`` and ``allocator agents``: who waits, and who serves."""

from dataclasses import asdict

from allocator.commands import Words, asking, showing
from allocator.commands.asking import EXIT_WELL, Desk
from allocator.core.answers import Place, Serving
from allocator.core.expected import SEEN_WITHIN, Expected, expected_waits
from allocator.core.glance import AgentSeen, Glance
from allocator.core.ids import AppId
from allocator.core.reasons import WaitReason

LINES = 20
_BACKLOG = (
    "Longest wait first. A customer at the head of a lane (those whom the same agents could take) waits for the reason "
    "that the leader found last; those behind wait for the head. Without APP: of every app."
)
_AGENTS = (
    "The agents who serve, and those whom the leader saw last when it asked the platform who may. Slots count the "
    "customers that Antre gave, `others` those that people gave by hand. Without APP: of every app."
)

_PARKED = (
    "The latest first: nobody is assigned to these until their customer writes again, a person assigns them at the "
    "platform, or `allocator requeue ROOM` lets them wait again. `allocator why ROOM` tells what happened."
)


def add(words: Words) -> None:
    """Add the words."""
    backlog_word = asking.add(words, "backlog", backlog, summary="who waits, and why", teaches=_BACKLOG)
    backlog_word.add_argument("app", metavar="APP", nargs="?", help="the id of an app")
    backlog_word.add_argument("--limit", type=int, default=LINES, metavar="N", help=f"at most so many ({LINES})")
    parked_word = asking.add(words, "parked", parked, summary="whom the platform refused for good", teaches=_PARKED)
    parked_word.add_argument("app", metavar="APP", nargs="?", help="the id of an app")
    parked_word.add_argument("--limit", type=int, default=LINES, metavar="N", help=f"at most so many an app ({LINES})")
    agents_word = asking.add(words, "agents", agents, summary="who serves, and who could not and why", teaches=_AGENTS)
    agents_word.add_argument("app", metavar="APP", nargs="?", help="the id of an app")


async def parked(desk: Desk) -> int:
    """Print whom a person must see."""
    apps = await desk.apps()
    found = [one for app in apps for one in await desk.answers.parked(app, max(1, desk.words.limit))]
    if desk.words.json:
        showing.as_json({"parked": [asdict(one) for one in found]})
        return EXIT_WELL
    rows = [
        (
            one.app,
            one.room,
            one.lane,
            showing.when(one.since, desk.now),
            showing.when(one.parked_at, desk.now),
            one.ending,
        )
        for one in found
    ]
    heads = ("app", "room", "lane", "since", "parked", "because")
    for line in showing.table(heads, rows) if rows else ("nobody is parked",):
        showing.out(line)
    return EXIT_WELL


async def backlog(desk: Desk) -> int:
    """Print who waits."""
    apps = await desk.apps()
    glances = await desk.board.glances(apps)
    found = {app: await desk.answers.waiting(app, max(1, desk.words.limit)) for app in apps}
    totals = {app: (await desk.answers.count(app)).states.get("waiting", 0) for app in apps}
    halts = {app: (await desk.answers.by_hand(app)).halt for app in apps}
    expected = {app: await _expected(desk, app, places, glances.get(app)) for app, places in found.items()}
    if desk.words.json:
        shown = [
            {**_waiting(app, place, glances.get(app)), "expected": told}
            for app, places in found.items()
            for place, told in zip(places, expected[app], strict=True)
        ]
        showing.as_json({"waiting": totals, "paused_by": halts, "backlog": shown})
        return EXIT_WELL
    for app, places in found.items():
        halt = halts[app]
        paused = "" if halt is None else f", paused by {halt.by} since {showing.when(halt.since, desk.now)}"
        at = f"{showing.when(desk.now, desk.now)} {showing.zone(desk.now)}"
        showing.out(f"{app}: {totals[app]} waiting, at {at}{paused}")
        both = zip(places, expected[app], strict=True)
        rows = [(*_row(place, glances.get(app), desk), _in_words(told)) for place, told in both]
        for line in showing.table(("", "room", "lane", "since", "waits", "why", "expected"), rows) if rows else ():
            showing.out(line)
    return EXIT_WELL


async def _expected(desk: Desk, app: AppId, places: list[Place], glance: Glance | None) -> list[Expected | None]:
    freed = await desk.answers.freed(app, desk.now - SEEN_WITHIN) if places else []
    return expected_waits(places, freed, glance, desk.now)


def _in_words(expected: Expected | None) -> str:
    if expected is None:
        return "unknown"
    middle, least, most = (showing.lasting(one) for one in (expected.seconds, expected.least_s, expected.most_s))
    return f"{middle} ({least} to {most})"


def why(place: Place, glance: Glance | None) -> str:
    """Why somebody waits, in the words of :class:`~allocator.core.reasons.WaitReason`."""
    if place.verify:
        return str(WaitReason.VERIFYING)
    if place.due_at is not None:
        return str(WaitReason.BACKING_OFF)
    reason = None if glance is None else glance.reasons.get(place.lane)
    reason = reason or ("unknown, nobody leads" if glance is None else str(WaitReason.ASKING))
    return f"behind {place.ahead}: {reason}" if place.ahead else reason


def _row(place: Place, glance: Glance | None, desk: Desk) -> tuple[object, ...]:
    since, waits = showing.when(place.since, desk.now), showing.since(place.since, desk.now)
    return place.position, place.room, place.lane, since, waits, why(place, glance)


def _waiting(app: AppId, place: Place, glance: Glance | None) -> dict[str, object]:
    return {
        "app": app,
        "position": place.position,
        "room": place.room,
        "lane": place.lane,
        "since": place.since,
        "behind_in_lane": place.ahead,
        "why": why(place, glance),
    }


async def agents(desk: Desk) -> int:
    """Print who serves."""
    apps = await desk.apps()
    glances = await desk.board.glances(apps)
    shown: list[object] = []
    for app in apps:
        seen = {} if (glance := glances.get(app)) is None else {one.agent: one for one in glance.agents}
        rows: dict[int, Serving] = {one.agent: one for one in await desk.answers.agents(app)}
        both = [(agent, rows.get(agent), seen.get(agent)) for agent in sorted({*rows, *seen})]
        if desk.words.json:
            shown.extend(_agent(app, *one) for one in both)
            continue
        showing.out(f"{app}: {len(both)} agents, at {showing.when(desk.now, desk.now)} {showing.zone(desk.now)}")
        lines = [_agent_row(*one, desk) for one in both]
        heads = ("agent", "slots", "others", "idle", "takes", "why nobody")
        for line in showing.table(heads, lines) if lines else ():
            showing.out(line)
    if desk.words.json:
        showing.as_json({"agents": shown})
    return EXIT_WELL


def why_nobody(row: Serving | None, seen: AgentSeen | None) -> str | None:
    """Why an agent is given nobody; None: they are."""
    if seen is None:
        return "not seen lately"
    if not seen.online:
        return "offline"
    used = (row.used if row else 0) + seen.foreign
    return "full" if used >= seen.capacity else None


def _agent_row(agent: int, row: Serving | None, seen: AgentSeen | None, desk: Desk) -> tuple[object, ...]:
    used = row.used if row else 0
    slots = f"{used}/{seen.capacity}" if seen else used
    idle = showing.since(row.busy_at, desk.now) if row and not row.used else None
    takes = ", ".join(seen.lanes) if seen else None
    return agent, slots, seen.foreign if seen else None, idle, takes, why_nobody(row, seen)


def _agent(app: AppId, agent: int, row: Serving | None, seen: AgentSeen | None) -> dict[str, object]:
    return {
        "app": app,
        "agent": agent,
        "slots_used": row.used if row else 0,
        "capacity": seen and seen.capacity,
        "others": seen and seen.foreign,
        "online": seen and seen.online,
        "lanes": seen and seen.lanes,
        "busy_at": row and row.busy_at,
        "why_nobody": why_nobody(row, seen),
    }
