"""Three records of a run, compared: the platform's, the ledger, the logs. Each function returns complaints.

The platform's own verdict (lost, doubled, over, out of order) is the simulator's; here is what it cannot see.
"""

import re
from collections.abc import Collection, Iterable, Iterator

from qiscus_simulator.traffic import NAMES
from support.ledger import Ledger
from support.platform import Entry, Stay, stays

COMPLAINTS_MAX = 12
OF_CUSTOMERS = re.compile(
    "|".join([r"6281\d{9}", r"U[0-9a-f]{32}\b", r"customer\d+@example", r"agent\d+@example", *map(re.escape, NAMES)])
)
"""Customers' names, numbers and addresses as the simulator makes them up, and agents' addresses."""


def at_rest(ledger: Ledger, entries: Iterable[Entry], strays: Collection[str] = ()) -> list[str]:
    """Ledger = platform, and nothing unsettled. In rooms of ``strays`` a request of a past leader landed that no
    session stands for: there it is as with a person who took the room, and the ledger names nobody.
    """
    open_stays = {(stay.app, stay.room): stay for stay in stays(entries).values() if not stay.resolved}
    rooms = {(row["app"], row["room"]): row for row in ledger.open}
    return [
        *_unsettled(ledger),
        *_slots(ledger),
        *(f"room {room} is open in the ledger only: {rooms[app, room]}" for app, room in rooms.keys() - open_stays),
        *(complaint for key, stay in open_stays.items() for complaint in _disagreement(stay, rooms.get(key), strays)),
    ]


def served(entries: Iterable[Entry]) -> list[str]:
    """Everyone whose webhook was answered 200 was given an agent, unless a person got in between."""
    return [
        f"room {stay.room}, session {number}: acknowledged and never assigned"
        for number, stay in stays(entries).items()
        if stay.acknowledged and not stay.assigned and not stay.by_hand
    ]


def fenced(ledger: Ledger) -> list[str]:
    """No write by a past leader: the terms' writes do not overlap in time, and none is of a term to come."""
    late = [
        f"term {after['epoch']:.0f} wrote before term {before['epoch']:.0f} had ended"
        for before, after in zip(ledger.epochs, ledger.epochs[1:], strict=False)
        if after["first"] < before["last"]
    ]
    newest = max([ledger.newest_epoch_of_a_session or 0, *(int(one["epoch"]) for one in ledger.epochs)])
    return [*late, *([f"a row of term {newest}, the newest is {ledger.epoch}"] if newest > ledger.epoch else [])]


def discreet(name: str, text: str, secrets: Iterable[str]) -> list[str]:
    """A log without tracebacks, secrets and customers."""
    found = [f"{name} shows {match.group()!r}" for match in OF_CUSTOMERS.finditer(text)]
    found += [f"{name} shows the secret {secret!r}" for secret in secrets if secret in text]
    if "Traceback" in text:
        found.append(f"{name} has a traceback:\n{text[text.index('Traceback') :][:3000]}")
    return found[:COMPLAINTS_MAX]


def _unsettled(ledger: Ledger) -> Iterator[str]:
    for row in ledger.open:
        if row["state"] != "assigned":
            yield f"room {row['room']} is {row['state']} in the ledger: {row}"


def _slots(ledger: Ledger) -> Iterator[str]:
    held = {(one["app"], one["agent"], one["number"], one["session"]) for one in ledger.slots}
    claimed = {(row["app"], row["agent"], row["slot"], row["id"]) for row in ledger.open if row["slot"] is not None}
    for slot in held ^ claimed:
        yield f"slot {slot} is {'held by nobody' if slot in held else 'claimed and not held'}"


def _disagreement(stay: Stay, row: dict[str, object] | None, strays: Collection[str]) -> Iterator[str]:
    if not stay.seats:
        yield f"room {stay.room} waits on the platform, the ledger has {row}"
    elif row is None:
        if any(stay.seats.values()):  # served by people before we heard of it is no business of ours
            yield f"room {stay.room} is served by {stay.seats} and not open in the ledger"
    elif row["agent"] is None:
        if all(stay.seats.values()) and stay.room not in strays:
            yield f"room {stay.room} is served by {stay.seats}, the ledger thinks by somebody else: {row}"
    elif row["agent"] not in stay.seats:
        yield f"room {stay.room} is served by {stay.seats}, the ledger has {row}"
