"""``allocator requeue``, ``withdraw``, ``pause``, ``resume``: what a person wants is written down, the leader does it.

The command never writes what the leader writes: it adds a request, and waits a while for the answer. What nobody has
answered by then stays, and is carried out by whoever leads next.
"""

import asyncio
import contextlib
import getpass
import os
import time
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from allocator.adapters.postgres_requests import Became, PostgresRequests, TooMany
from allocator.commands import Words, asking, showing
from allocator.commands.asking import EXIT_ACCEPTED, EXIT_NOT_WELL, EXIT_WELL, Desk
from allocator.core.ids import AppId, RoomId
from allocator.core.requests import BY_MAX, Kind, RequestId
from allocator.ports import Unavailable
from chassis.settings import SettingError
from contract import new_event_id
from contract.events import is_room_id

WAIT_S = 10.0
LOOK_S = 0.1
_HOW = (
    "The leader does it within a second or two, in its own transaction, and the answer is printed. If nobody leads, "
    "the request stays and is carried out later: exit status 4. `allocator why ROOM` tells who asked, and when."
)
_REQUEUE = (
    "Somebody whom the platform refused for good (`allocator parked`), or whom a person withdrew, waits again at their "
    "old place; their room is read first."
)
_WITHDRAW = (
    "Nobody is assigned to the customer any more, and the sweep does not bring them back: only their next message "
    "does. Refused once an agent was chosen, because the platform may have been told."
)
_PAUSE = (
    "Customers are taken in and keep their places, conversations go on, nobody is assigned; through restarts and "
    "changes of leader, until `allocator resume`. The policy's own `paused` is another thing: either one pauses."
)
_RESUME = "Ends `allocator pause`. What the policy pauses stays paused."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for; ``at``: by Postgres's clock."""

    id: RequestId
    app: AppId
    kind: Kind
    room: RoomId | None
    by: str
    at: datetime


def add(words: Words) -> None:
    """Add the words."""
    for kind, summary, teaches in (
        (Kind.REQUEUE, "let somebody wait again who was parked or withdrawn", _REQUEUE),
        (Kind.WITHDRAW, "let nobody be assigned to a customer who waits", _WITHDRAW),
    ):
        parser = _added(words, kind, _of_room, summary, teaches)
        parser.add_argument("room", metavar="ROOM", help="the number of a conversation")
        parser.add_argument("--app", metavar="APP", help="the id of its app, if the number is in several")
    for kind, summary, teaches in (
        (Kind.PAUSE, "assign nobody of an app; intake goes on", _PAUSE),
        (Kind.RESUME, "assign again after a pause", _RESUME),
    ):
        _added(words, kind, _of_app, summary, teaches).add_argument("app", metavar="APP", help="the id of an app")


def _added(
    words: Words, kind: Kind, act: Callable[[Kind, Desk], Awaitable[int]], summary: str, teaches: str
) -> ArgumentParser:
    parser = asking.add(words, str(kind), partial(act, kind), summary=summary, teaches=f"{teaches} {_HOW}")
    parser.epilog = f"{parser.epilog}, 4 accepted: written down, carried out later"
    parser.add_argument("--by", metavar="NAME", help="who asks, for those who look later (default: the login name)")
    parser.add_argument(
        "--wait", type=float, default=WAIT_S, metavar="SECONDS", help=f"for the answer; 0: not at all ({WAIT_S:g})"
    )
    return parser


async def _of_app(kind: Kind, desk: Desk) -> int:
    return await _ask(desk, await desk.one_app(), kind, None)


async def _of_room(kind: Kind, desk: Desk) -> int:
    if not is_room_id(desk.words.room):
        raise SettingError(
            f"{desk.words.room!r} is no room: it is the number of a conversation, as in `allocator backlog`"
        )
    room = RoomId(desk.words.room)
    apps = [await desk.one_app()] if desk.words.app else await desk.apps()
    found = [app for app in apps if (await desk.answers.life(app, room, 1)).sessions]
    if len(found) > 1:
        raise SettingError(f"room {room} is in {', '.join(found)}: say in which with --app")
    if found:
        return await _ask(desk, found[0], kind, room)
    says = f"nothing is known of room {room} in {', '.join(apps) or 'any app'}"
    if desk.words.json:
        showing.as_json({"kind": kind, "room": room, "outcome": "refused", "says": says})
    else:
        showing.out(says)
    return EXIT_NOT_WELL


async def _ask(desk: Desk, app: AppId, kind: Kind, room: RoomId | None) -> int:
    """Write it down, wait for the answer, print it."""
    by = name_of(desk.words.by)
    requests = PostgresRequests(desk.settings.database_url, desk.settings.database_timeout_s)
    identity = RequestId(new_event_id())
    try:
        at = await requests.ask(identity, app, kind, room, by)
        became = await _became(requests, identity, desk.words.wait)
    except TooMany as error:
        raise SettingError(str(error)) from None
    finally:
        await requests.close()
    wish = Wish(id=identity, app=app, kind=kind, room=room, by=by, at=at)
    if desk.words.json:
        showing.as_json(_mapping(wish, became))
    else:
        for line in showing.wrapped(f"{'accepted' if became is None else became.outcome}  ", _sentence(wish, became)):
            showing.out(line)
    if became is None:
        return EXIT_ACCEPTED
    return EXIT_WELL if became.outcome == "done" else EXIT_NOT_WELL


async def _became(requests: PostgresRequests, identity: RequestId, wait_s: float) -> Became | None:
    """What became of it, within ``wait_s``. It is written down already: that Postgres cannot be asked just now, or that
    somebody stops waiting (Ctrl-C), changes nothing about it.
    """
    give_up_at = time.monotonic() + wait_s
    try:
        while time.monotonic() < give_up_at:
            with contextlib.suppress(Unavailable):
                if (became := await requests.became(identity)) is not None:
                    return became
            await asyncio.sleep(LOOK_S)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        assert task is not None
        task.uncancel()
    return None


def name_of(given: str | None) -> str:
    """Who asks: who says so, or who is logged in. Raises :class:`~chassis.settings.SettingError`."""
    name = _login() if given is None else given.strip()
    if not name or len(name) > BY_MAX or not name.isprintable():
        raise SettingError(f"--by is a name of 1 to {BY_MAX} printable characters")
    return name


def _login() -> str:
    try:
        return getpass.getuser()[:BY_MAX]
    except (KeyError, OSError):  # in a container, users have numbers only
        return f"uid {os.getuid()}"


def _sentence(wish: Wish, became: Became | None) -> str:
    about = f"app {wish.app}" if wish.room is None else f"room {wish.room} of {wish.app}"
    if became is None:
        return f"{about}: written down, and carried out when an allocator leads (see `allocator status`)"
    return f"{about}: {became.says}"


def _mapping(wish: Wish, became: Became | None) -> dict[str, object]:
    return {
        "request": wish.id,
        "app": wish.app,
        "kind": wish.kind,
        "room": wish.room,
        "by": wish.by,
        "asked_at": wish.at,
        "done_at": became and became.at,
        "outcome": became.outcome if became else "accepted",
        "says": became and became.says,
    }
