"""One room's story, out of both records, in the order of time: for the eyes of whoever mends a failing scenario."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from support.ledger import rows
from support.platform import Entry

OVERTAKER = re.compile(r"\(room (\d+)\)")
DULL = ("seq", "at", "app", "room")
OF_THE_LEDGER = ("id", "app", "room", "lane", "epoch", "policy_version")


def of_room(room: str, entries: Iterable[Entry], url: str) -> Iterator[str]:
    """Lines about a room: what the platform saw, the events we recorded, and our sessions as they are now."""
    told = [(entry["at"], _platform(entry)) for entry in entries if entry.get("room") == room]
    kept = [
        (_unix(row["accepted_at"]), f"    ledger  accepted {_words(row, OF_THE_LEDGER)}")
        for row in rows(url, f"SELECT * FROM event WHERE room = '{room}'")
    ]
    for at, text in sorted([*told, *kept]):
        yield f"{datetime.fromtimestamp(at, UTC):%H:%M:%S.%f} {text}"
    for row in rows(url, f"SELECT * FROM session WHERE room = '{room}' ORDER BY waiting_since"):
        yield f"    session {_words(row, ('app', 'room', 'policy_version'))}"


def beside(story: Mapping[str, Any], entries: Sequence[Entry]) -> list[str]:
    """The rooms that the agent of an ``over`` held at that moment; the room that overtook."""
    if story["what"] == "out_of_order":
        return OVERTAKER.findall(story["text"])
    if story["what"] != "over":
        return []
    held: dict[str, None] = {}
    moment, (agent,) = entries[0]["at"] + story["times_s"]["violated"], story["agents"]
    for entry in entries:
        if entry["at"] > moment:
            break
        if entry["kind"] == "assigned" and entry["agent"] == agent:
            held[entry["room"]] = None
        elif entry["kind"] == "resolved" or (entry["kind"] == "removed" and entry["agent"] == agent):
            held.pop(entry["room"], None)
    return list(held)


def _platform(entry: Entry) -> str:
    return f"platform {_words(entry, DULL)}"


def _words(row: Entry, without: Iterable[str]) -> str:
    return "  ".join(f"{name} {value}" for name, value in row.items() if name not in without)


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
