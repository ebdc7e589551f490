"""Whether the invariants held: judged from the platform's record, the ledger, and what the processes said.

Each complaint is a sentence that begins with its kind: lost, doubled, over, out of order, paused, brought back, past
leader, no rest, bug.
"""

from collections.abc import Iterator

from allocator.core.ids import AppId, Epoch
from allocator.core.session import OPEN, UNSETTLED, Session, State
from qiscus_simulator.checker import judge
from qiscus_simulator.record import Entry
from simulation.place import APP
from simulation.system import System
from support.memory.rows import Rows

LOST_COMMITS = "postgres fails over"
"""Outside of what is promised: who forgets a reservation may give its slot away, and what came before it."""
GRACE_S = 10.0
IN_ORDER_S = 3.0
"""On a good day. Not less, because of conversations shorter than clocks differ: their end seems to come before their
beginning, so the room is read, and a customer who comes back while it is keeps the place of the first wait."""
TOLERANT_S = 30.0
COMPLAINTS_MAX = 6


class Judge:
    """Looks at one system. It sees every commit."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._overtaken: list[str] = []
        self._given_at: dict[tuple[str, int | None], list[float]] = {}
        system.ledger.committed = self._committed

    def disagreements(self, goal: str) -> list[str]:
        """What is in the way of rest, now."""
        place, rows = self._system.place, self._system.ledger.rows
        waiting = [room for room in place.rooms if place.waits(room)]
        found = [f"room {room} waits" for room in waiting]
        if goal == "nobody is left":
            found += [f"room {room} is open" for room in place.rooms if place.is_open(room)]
        if self._system.inbox.left(AppId(APP)):
            found.append("the inbox is not empty")
        return found + list(_differences(self._system, rows))

    def verdict(self) -> list[str]:
        """What was wrong over the whole run."""
        system = self._system
        said = judge(
            system.place.entries,
            system.clock.wall().timestamp(),
            grace_s=GRACE_S,
            tolerance_s=self._tolerance_s(),
            decided_at=self._decided_at,
        )
        kinds = {"lost": said.lost, "doubled": said.doubled, "over": said.over, "out_of_order": said.out_of_order}
        if LOST_COMMITS in system.script.troubles:
            kinds["over"] = kinds["out_of_order"] = 0
        said.stories[:] = [story for story in said.stories if kinds[story["what"]]]
        stories = [f"{story['what'].replace('_', ' ')}: {_place(story)}{story['text']}" for story in said.stories]
        counted = [f"{kind.replace('_', ' ')}: {number}" for kind, number in kinds.items() if number]
        found = [*(stories or counted)[:COMPLAINTS_MAX], *self._overtaken]
        return [*found, *self._forgotten(), *self._past_leaders(), *self._bugs()]

    def _tolerance_s(self) -> float:
        """Strict on a good day. While things go wrong an attempt that came to nothing counts as one, so that the
        platform's record says little; then every commit is judged instead. ``platform`` keeps order in a lane only.
        """
        script = self._system.script
        if not script.troubles and script.strategy != ("platform",):
            return IN_ORDER_S
        return TOLERANT_S + sum(one.for_s for one in script.happenings)

    def _committed(self, before: Rows, after: Rows) -> None:
        """Who was given a slot came before all in turn of the same lane who were left waiting."""
        self._system.step("commit")
        given = [one for one in after.sessions.values() if _is_given_anew(before.sessions.get(one.id), one)]
        if given:
            self._system.step("reserve")
        if AppId(APP) in after.halts:
            self._overtaken += [f"paused: room {one.room} was given a slot" for one in given]
        self._overtaken += [
            f"brought back: room {one.room} was withdrawn, and waits again by no word of anybody"
            for one in after.sessions.values()
            if one.id not in before.sessions and self._is_brought_back(one, before)
        ]
        for one in given:
            self._given_at.setdefault((one.room, one.agent), []).append(self._system.clock.wall().timestamp())
            for other in after.sessions.values():
                if _stands_before(other, one) and len(self._overtaken) < COMPLAINTS_MAX:
                    self._overtaken.append(f"out of order: room {one.room} was given a slot before room {other.room}")

    def _decided_at(self, entry: Entry) -> float:
        """When the room was given its slot for the last time before ``entry``: a new leader announces it again."""
        before = [at for at in self._given_at.get((entry.room, entry.agent), ()) if at <= entry.at]
        return before[-1] if before else entry.at

    def _is_brought_back(self, session: Session, before: Rows) -> bool:
        """Whether a session begins without an event, where none was open, of a wait that a person had withdrawn."""
        if session.id.startswith("e") or (session.app, session.room) in before.open_rooms:
            return False
        if session.state not in OPEN:  # the sweep found who was withdrawn in the same transaction
            return False
        at = self._system.withdrawn_at(session.room)
        return at is not None and self._system.place.rooms[session.room].since <= at

    def _forgotten(self) -> Iterator[str]:
        """What was answered 200 is recorded, unless a store itself has lost it."""
        if self._system.script.troubles & {LOST_COMMITS, "redis fails over", "redis is emptied"}:
            return
        recorded = {event for _, event in self._system.ledger.rows.events}
        for event, room in self._system.acknowledged.items():
            if event not in recorded:
                yield f"forgotten: an event of room {room} was answered 200, and is not recorded"

    def _past_leaders(self) -> Iterator[str]:
        leaders: dict[Epoch, str] = {}
        newest = Epoch(0)
        for term, leader in self._system.ledger.commits:
            if term < newest:
                yield f"past leader: {leader} committed in term {term} after term {newest}"
            if leaders.setdefault(term, leader) != leader:
                yield f"past leader: {leader} and {leaders[term]} both committed in term {term}"
            newest = max(newest, term)

    def _bugs(self) -> Iterator[str]:
        for process in self._system.processes:
            for error in process.broken:
                yield f"bug: {process.name} ended with {type(error).__name__}: {error}"


def _place(story: dict[str, object]) -> str:
    return f"room {story['room']} session {story['session']}: "


def _is_given_anew(before: Session | None, after: Session) -> bool:
    return after.state is State.RESERVED and (before is None or before.state is State.WAITING)


def _stands_before(other: Session, one: Session) -> bool:
    in_turn = other.state is State.WAITING and other.due_at is None and other.lane == one.lane
    return in_turn and other.waiting_since < one.waiting_since and not other.avoid


def _differences(system: System, rows: Rows) -> Iterator[str]:
    """Between the ledger and the platform."""
    place = system.place
    mine = {one.room: one for one in rows.sessions.values() if one.state in OPEN}
    for room, one in mine.items():
        there = place.rooms.get(room)
        if one.state in UNSETTLED:
            yield f"room {room} is {one.state}"
        elif there is None or there.resolved:
            yield f"room {room} is {one.state} in the ledger and over on the platform"
        elif one.state is State.ASSIGNED and one.agent is not None and one.agent not in there.agents:
            yield f"room {room}: the ledger says agent {one.agent}, the platform {there.agents}"
    for room, there in place.rooms.items():
        if there.agents and LOST_COMMITS in system.script.troubles:
            continue  # what a lost commit said of somebody who is served, nobody needs to know
        if not there.resolved and room not in mine:
            yield f"room {room} is open on the platform, the ledger does not know it"
    held = {session for slot, session in rows.slots.items()}
    if held != {one.id for one in mine.values() if one.slot is not None}:
        yield "the slots are not those of the sessions"
