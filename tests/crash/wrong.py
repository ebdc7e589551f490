"""Allocators and a gateway that are wrong on purpose: the sweep must find each, or it finds nothing.

Each changes the parts that are wired, in one process, before they are counted. What another guard would
mend is taken out as well, and named.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from allocator import app
from allocator.adapters.qiscus import QiscusPlatform
from allocator.adapters.redis import RedisInbox
from allocator.core.session import Session
from allocator.ports import Entry, Transaction
from allocator.rounds.leader import Leader
from contract import Event
from webhook_gateway.publisher import Publisher

from .seams import put

_publish = Publisher.publish
_later: set[asyncio.Task[None]] = set()


class PopsFirst(RedisInbox):
    """Takes entries out of the inbox when it reads them, before Postgres has them."""

    async def read(self, at_most: int, wait_s: float) -> Sequence[Entry]:
        """Read, and delete at once."""
        entries = await super().read(at_most, wait_s)
        if entries:
            await super().delete(entries)
        return entries


class NeverSweeps(QiscusPlatform):
    """Lists nobody."""

    async def unserved(self) -> AsyncIterator[Any]:
        """No rooms."""
        yield []


async def forgets(_leader: Leader, _tx: Transaction, _unsettled: Sequence[Session]) -> Iterable[Session]:
    """What a predecessor left unsettled is left so."""
    return []


async def publish_later(publisher: Publisher, event: Event) -> None:
    """Say that it is done, and do it a little later."""

    async def publish() -> None:
        await asyncio.sleep(0.05)
        await _publish(publisher, event)

    _later.add(asyncio.create_task(publish()))


def answer_first() -> None:
    """A gateway that says 200 before Redis has the event. The sweep would find those who wait: it is out too."""
    put(Publisher, "publish", publish_later)
    no_sweep()


def pop_first() -> None:
    """Customers who were read and not recorded are gone. The sweep would find those who wait: it is out too."""
    put(app, "RedisInbox", PopsFirst)
    no_sweep()


def no_sweep() -> None:
    """What no webhook told is never found."""
    put(app, "QiscusPlatform", NeverSweeps)


async def takes_nothing_up(_leader: Leader, _tx: Transaction, _taken: object, _recorded: object) -> None:
    """What is RESERVED although nothing is under way for it stays so."""


def forget() -> None:
    """A new leader does not recover. The sweep would take that up: it is out too."""
    put(Leader, "_recover", forgets)
    put(Leader, "_take_up", takes_nothing_up)


WRONGS: dict[str, Callable[[], None]] = {
    "pop-first": pop_first,
    "answer-first": answer_first,
    "no-sweep": no_sweep,
    "forget": forget,
}
