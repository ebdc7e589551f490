"""``allocator why ROOM``: the life of a room as a story, from what was recorded when it was decided."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from heapq import merge
from typing import Any

from allocator.commands import Words, asking, showing
from allocator.commands.asking import EXIT_NOT_WELL, EXIT_WELL, Desk
from allocator.core.answers import Asked, Life, Lived
from allocator.core.glance import Glance
from allocator.core.ids import RoomId
from allocator.core.policy import Strategy
from allocator.core.reasons import MEANINGS
from allocator.core.requests import OF_ROOMS
from allocator.core.session import State
from allocator.core.steps import Step, What

_TEACHES = (
    "Tells what was written down at the moment it was decided, not what would be decided now: received, recorded, why "
    "it waited, to whom it was given and against whom, what the platform answered, how it ended. Who is not first in "
    "their lane waits for the first. Kept for ANTRE_RETENTION_DAYS."
)


def add(words: Words) -> None:
    """Add the word."""
    parser = asking.add(words, "why", why, summary="the life of a room as a story", teaches=_TEACHES)
    parser.add_argument("room", metavar="ROOM", help="the number of a conversation")
    parser.add_argument("--app", metavar="APP", help="the id of its app, if the number may be in several")
    parser.add_argument("--sessions", type=int, default=3, metavar="N", help="at most so many, the newest (3)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a story."""

    at: datetime
    what: str
    text: str


async def why(desk: Desk) -> int:
    """Print the story."""
    apps = await desk.apps()
    room, most = RoomId(desk.words.room), max(1, desk.words.sessions)
    lives = [life for app in apps if (life := await desk.answers.life(app, room, most)).sessions]
    glances = await desk.board.glances([life.app for life in lives])
    if desk.words.json:
        showing.as_json({"room": room, "lives": [_mapping(life, glances.get(life.app)) for life in lives]})
    elif not lives:
        showing.out(f"nothing is known of room {room} in {', '.join(apps) or 'any app'}")
    for life in () if desk.words.json else lives:
        for text in _told(life, glances.get(life.app), desk.now):
            showing.out(text)
    return EXIT_WELL if lives else EXIT_NOT_WELL


def _told(life: Life, glance: Glance | None, now: datetime) -> Iterator[str]:
    """Oldest session first, so that what is now stands at the end."""
    for session in reversed(life.sessions):
        yield f"room {life.room} of {life.app}, {_standing(session, now)}, times in {showing.zone(now)}"
        for line in merge(story(session), asked_in(life, session), key=lambda line: line.at):
            yield from showing.wrapped(f"  {showing.when(line.at, now):<16}  {line.what:<11}  ", line.text)
        if session.state is State.WAITING:
            yield f"  now: {_now(life, session, glance)}"


def _standing(session: Lived, now: datetime) -> str:
    match session.state:
        case State.WAITING:
            return f"waiting for {showing.since(session.since, now)}"
        case State.ASSIGNED:
            return f"served by {_agent(session)} since {showing.when(session.assigned_at, now)}"
        case State.RESERVED | State.DOUBT:
            return f"{session.state} for {_agent(session)}"
        case _:
            return f"{session.state} at {showing.when(session.ended_at, now)}"


def _agent(session: Lived) -> str:
    return "somebody whom we did not choose" if session.agent is None else f"agent {session.agent}"


def _now(life: Life, session: Lived, glance: Glance | None) -> str:
    place = f"number {life.before + 1} of those who wait"
    if session.verify:
        return f"{place}; its room is being read"
    if session.due_at is not None:
        return f"{place}; tried again soon, because the platform refused it"
    reason = None if glance is None else glance.reasons.get(session.lane)
    meaning = MEANINGS.get(reason, "the next round tells") if reason else "nobody leads, so nobody knows"
    return f"{place}; behind {life.before_in_lane} in lane {session.lane}; the first of them: {meaning}"


def story(session: Lived) -> Iterator[Line]:
    """What was written down of one session, in words."""
    found = any(step.what is What.RECORDED and step.facts.get("found") for step in session.steps)
    received = "the sweep found it: no webhook had told us" if found else "the platform told us that a customer waits"
    yield Line(at=session.since, what="received", text=received)
    for step in session.steps:
        if (sent_at := step.facts.get("sent_at")) is not None:
            agent = "" if step.agent is None else f" agent {step.agent}"
            yield Line(at=datetime.fromisoformat(sent_at), what="sent", text=f"the platform was asked to assign{agent}")
        yield Line(at=step.at, what=step.what.replace("_", " "), text=_words(step, session))


def asked_in(life: Life, session: Lived) -> Iterator[Line]:
    """What people asked for, as far as it concerned ``session``: its room after it began and before the next one did;
    its app while it waited.
    """
    next_began = min((one.since for one in life.sessions if one.since > session.since), default=None)
    waited_until = session.assigned_at or session.ended_at
    for one in life.asked:
        until = next_began if one.kind in OF_ROOMS else waited_until
        if one.at >= session.since and (until is None or one.at < until):
            yield Line(at=one.at, what="asked", text=f"by {one.by} to {_wish(one)}: {_outcome(one)}")


def _wish(asked: Asked) -> str:
    return f"{asked.kind} it" if asked.kind in OF_ROOMS else f"{asked.kind} the app"


def _outcome(asked: Asked) -> str:
    return "not carried out yet" if asked.outcome is None else f"{asked.outcome}, {asked.says}"


_PLAIN = {
    What.IN_QUESTION: "its room is read first: this wait may be over",
    What.AGAIN: "the same agent is sent once more",
    What.DOUBT: "the agent and the slot are held until the room tells",
    What.BACK: "it waits again, at its old place",
}


def _words(step: Step, session: Lived) -> str:
    match step.what:
        case What.RECORDED:
            return f"{_after(step.at, session.since)}, in lane {step.facts.get('lane')}"
        case What.WAITS:
            by = f", {step.facts['by']}" if "by" in step.facts else ""
            return MEANINGS.get(step.why or "", step.why or "") + by
        case What.RESERVED:
            return _choice(step)
        case What.ASSIGNED:
            return (f"agent {step.agent}" if step.agent else "somebody whom we did not choose") + _because(step)
        case _:
            return _PLAIN.get(step.what, step.why or "") + _because(step)


def _because(step: Step) -> str:
    """What the platform said."""
    facts = step.facts
    if "room" in facts:
        return f" (the room showed: {_said(facts['room'])})"
    if "platform" in facts:
        took = f" after {facts['took_s']:.1f} s" if "took_s" in facts else ""
        return f" (the platform: {_said(facts)}{took})"
    if "by" in facts:
        return f" ({facts['by']} asked for it)"
    return " (a new leader found it so)" if facts.get("leader") == "new" else ""


def _said(facts: dict[str, Any] | Any) -> str:
    word = str(facts.get("platform", "")).replace("_", " ")
    if word == "served":
        return "served by our agent" if facts.get("ours") else "served by somebody else"
    return f"{word}, {facts['reason']}" if facts.get("reason") else word


def _choice(step: Step) -> str:
    facts = step.facts
    chosen = f"slot {facts['slot']} of {facts['capacity']} of agent {step.agent}"
    rivals = [f"agent {rank[-1]:.0f}{_rank(facts['by'], rank[:-1], step.at)}" for rank in facts["against"]]
    against = "against " + " and ".join(rivals) if rivals else "nobody else was free"
    return f"{chosen}{_rank(facts['by'], facts['rank'], step.at)}, {against}; policy {facts['policy']}"


def _rank(strategies: list[str], rank: list[float], at: datetime) -> str:
    """What each strategy saw in an agent, at that time."""
    words = []
    for strategy, value in zip(strategies, rank, strict=False):
        match strategy:
            case Strategy.LEAST_LOADED:
                words.append(f"{value:.0%} loaded")
            case Strategy.LONGEST_IDLE:
                idle = showing.lasting(at.timestamp() - value)
                words.append("never busy yet" if value <= 0 else f"last busy {idle} before")
            case _ if value == 0 and strategy == "sticky":
                words.append("served them last")
    return f" ({', '.join(words)})" if words else ""


def _after(at: datetime, before: datetime) -> str:
    seconds = (at - before).total_seconds()
    return f"{seconds * 1000:.0f} ms later" if abs(seconds) < 1 else f"{seconds:.1f} s later"


def _mapping(life: Life, glance: Glance | None) -> dict[str, object]:
    return {
        "app": life.app,
        "sessions": [
            {
                "session": one.id,
                "state": one.state,
                "lane": one.lane,
                "since": one.since,
                "agent": one.agent,
                "assigned_at": one.assigned_at,
                "ended_at": one.ended_at,
                "ending": one.ending,
                "steps": [_step(step) for step in one.steps],
            }
            for one in life.sessions
        ],
        "asked": [asdict(one) for one in life.asked],
        "before": life.before,
        "before_in_lane": life.before_in_lane,
        "lane_waits_for": glance and life.sessions and glance.reasons.get(life.sessions[0].lane),
    }


def _step(step: Step) -> dict[str, object]:
    return {"at": step.at, "what": step.what, "why": step.why, "agent": step.agent, "facts": step.facts}
