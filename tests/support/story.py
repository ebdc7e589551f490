"""What is told of a system whose scenario failed: the verdict, the ledger, rooms' stories, the ends of the logs."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from support import timeline
from support.ledger import read_ledger

if TYPE_CHECKING:
    from support.system import System

TIMELINES_MAX = 4
LOG_LINES = 25
ROOM = re.compile(r"room '?(\d+)")


def told(system: "System") -> str:
    """All of it; what cannot be had says so."""
    looks: dict[str, Callable[[], object]] = {
        "verdict": lambda: "\n  ".join(map(str, _lines(system.verdict or system.platform.verdict()))),
        "ledger": lambda: read_ledger(system.database_url),
        "rooms": lambda: "\n".join(_timelines(system)),
    }
    parts = [f"{name}: {_tried(look)}" for name, look in looks.items()]
    for name, running in system.running.items():
        tail = "\n".join(running.output.splitlines()[-LOG_LINES:])
        parts.append(f"--- {name} (status {running.status}), the end of its log:\n{tail}")
    return "\n".join(parts)


def _timelines(system: "System") -> Iterator[str]:
    """What both records say of the first rooms of which something is said."""
    record = system.platform.record()
    rooms = ROOM.findall("\n".join(system.complaints))
    for story in system.verdict.get("stories", ()):
        rooms += [story["room"], *timeline.beside(story, record)]
    for room in list(dict.fromkeys(rooms))[:TIMELINES_MAX]:
        yield f"--- room {room}"
        yield from timeline.of_room(room, record, system.database_url)


def _tried(look: Callable[[], object]) -> object:
    """What a look shows, or why it cannot: what is broken may be what is looked at."""
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - a story must not hide the failure it tells of
        return f"cannot be had: {error!r}"


def _lines(verdict: Mapping[str, Any]) -> Iterator[object]:
    yield {name: value for name, value in verdict.items() if name != "stories"}
    yield from verdict.get("stories", ())
