"""A campaign of wrong inputs against a gateway, and what must hold of each of them.

A *body* goes through the translation in this process and, with an honest head around it, through a real gateway: the
gateway's answer must be what the translation said, and what it accepted must be in Redis, and be an event. A *stream*
goes over a connection of its own: whatever comes back must be answers that are promised.
"""

import asyncio
import json
import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import redis
from integration.webhook_gateway.talk import APP, TOKEN, Gateway

from contract import AppId, EventId, Keys, RoomResolved, RoomWaiting, decode, encode, events
from security import nasty
from security.door import Reply, Wrong, check_answers, posts, request, says
from security.mutation import mutated
from security.streams import stream
from security.ways import Ways
from webhook_gateway import translate
from webhook_gateway.translate import Fault, Ignored, Rejected, Stamp

BODIES = 480
STREAMS = 32
CORPUS_MAX = 4_000
LATE_MAX = STREAMS
"""Who hung up in the middle of a stream does not know of the last webhook in it: it may be written a little later."""
STAMP = Stamp(app=AppId(APP), id=EventId("0190163d8694739bae5b0b1a2c3d4e5f"), received_ms=1_700_000_000_000)
TRANSLATIONS = {nasty.ALLOCATION: translate.allocation, nasty.RESOLVE: translate.resolve}
_PLAIN = re.compile(r"[0-9A-Za-z_.-]*")


@dataclass(frozen=True, slots=True)
class Body:
    """A webhook's body, and the path it goes to."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Stream:
    """What goes over a connection."""

    pieces: tuple[bytes, ...]


Input = Body | Stream


class Failed(Exception):
    """An input, or one of some that went together, did what none may do."""

    def __init__(self, why: str, inputs: Sequence[Input]) -> None:
        super().__init__(why)
        self.inputs = inputs


@dataclass(slots=True)
class Tally:
    """What came of a campaign so far."""

    inputs: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    events: int = 0
    """Entries found in Redis."""


class Campaign:
    """Inputs from one seed, against one gateway before one Redis."""

    def __init__(self, gateway: Gateway, store: redis.Redis, random: Random) -> None:
        self.gateway, self.tally, self.ways = gateway, Tally(), Ways(translate, events)
        self._store, self._random = store, random
        self._inbox = Keys().inbox(AppId(APP))
        self._corpus = nasty.everything()
        self._late = 0

    async def run(self, runs: int) -> AsyncIterator[Tally]:
        """Try ``runs`` inputs; tells after each turn. Raises :class:`Failed`."""
        while self.tally.inputs < runs:
            left = runs - self.tally.inputs
            await self.try_all([self._body() for _ in range(min(left, BODIES))])
            await self.try_all([self._stream() for _ in range(min(max(0, left - BODIES), STREAMS))])
            yield self.tally

    async def try_all(self, inputs: Sequence[Input]) -> None:
        """Try ``inputs``, all at the same time. Raises :class:`Failed`."""
        bodies = [one for one in inputs if isinstance(one, Body)]
        streams = [one for one in inputs if isinstance(one, Stream)]
        await self._try_bodies(bodies)
        await asyncio.gather(*(self._try_stream(one) for one in streams))
        self._drain(streams)
        self._late = LATE_MAX if streams else 0
        self.tally.inputs += len(inputs)
        if self.gateway.running.status is not None:
            raise Failed(f"the gateway ended with {self.gateway.running.status}", inputs)

    def _body(self) -> Body:
        data = mutated(self._random, self._corpus)
        right = nasty.RESOLVE if b'"customer"' in data else nasty.ALLOCATION
        body = Body(right if self._random.random() < 0.9 else self._random.choice(tuple(TRANSLATIONS)), data)
        if self.ways.is_new(lambda: translated(body)) and len(self._corpus) < CORPUS_MAX:
            self._corpus.append(body.data)
        return body

    def _stream(self) -> Stream:
        return Stream(stream(self._random, TOKEN, mutated(self._random, self._corpus)))

    async def _try_bodies(self, bodies: Sequence[Body]) -> None:
        try:
            replies = await posts(self.gateway.port, [request(f"{one.path}/{TOKEN}", one.data) for one in bodies])
        except Wrong as wrong:
            raise Failed(str(wrong), bodies) from None
        accepted = 0
        for body, reply in zip(bodies, replies, strict=True):
            accepted += _agrees(body, reply)
            self.tally.statuses[reply.status] += 1
        found = self._drain(bodies)
        if not accepted <= found <= accepted + sum(reply.status == 503 for reply in replies) + self._late:
            raise Failed(f"{accepted} events were acknowledged and {found} are in Redis", bodies)

    async def _try_stream(self, one: Stream) -> None:
        try:
            self.tally.statuses.update(check_answers(await says(self.gateway.port, one.pieces)))
        except Wrong as wrong:
            raise Failed(str(wrong), [one]) from None

    def _drain(self, inputs: Sequence[Input]) -> int:
        """Empty the inbox, and look at all that was in it; how many events that were."""
        with self._store.pipeline() as pipeline:
            pipeline.xrange(self._inbox)
            pipeline.delete(self._inbox)
            entries, _ = pipeline.execute()
        found = {_told(entry[b"event"], inputs) for _, entry in entries}
        self.tally.events += len(found)
        return len(found)


def translated(body: Body) -> translate.Fact:
    """What the translation makes of a body. Raises :class:`Failed` where that is nothing it may make."""
    try:
        fact = TRANSLATIONS[body.path](body.data, STAMP)
    except Exception as error:
        raise Failed(f"the translation raised {error!r}", [body]) from error
    if isinstance(fact, RoomWaiting | RoomResolved):
        _told(encode(fact), [body])
    elif not isinstance(fact, Rejected | Ignored):
        raise Failed(f"the translation made {fact!r}", [body])
    return fact


def _agrees(body: Body, reply: Reply) -> bool:
    """Check that the door said what the translation says; whether an event was acknowledged."""
    fact = translated(body)
    if reply.status == 503:
        return False
    status, kind = _promised(fact)
    if (reply.status, reply.kind) != (status, kind):
        raise Failed(f"answered {reply.status} {reply.kind}, the translation says {status} {kind}", [body])
    return not isinstance(fact, Rejected | Ignored)


def _promised(fact: translate.Fact) -> tuple[int, str]:
    match fact:
        case Rejected(fault):
            return 403 if fault is Fault.WRONG_APP else 400, fault.value
        case Ignored():
            return 200, "ignored"
        case _:
            return 200, "accepted"


def _told(data: bytes, inputs: Sequence[Input]) -> str:
    """The id of an event in its wire form, which must be readable and hold nothing but identifiers."""
    try:
        event = decode(data)
    except Exception as error:
        raise Failed(f"an event nobody can read: {error!r}", inputs) from error
    words = [value for value in json.loads(data).values() if isinstance(value, str)]
    if not all(_PLAIN.fullmatch(word) for word in words):
        raise Failed("an event holds more than identifiers", inputs)
    return event.id


def save(inputs: Sequence[Input], file: Path) -> None:
    """Write ``inputs`` down, to be tried again."""
    kept = [
        {"path": one.path, "data": b64encode(one.data).decode()}
        if isinstance(one, Body)
        else {"pieces": [b64encode(piece).decode() for piece in one.pieces]}
        for one in inputs
    ]
    file.write_text(json.dumps(kept, indent=1))


def saved(file: Path) -> list[Input]:
    """The inputs that were written to ``file``."""
    return [
        Body(one["path"], b64decode(one["data"])) if "path" in one else Stream(tuple(map(b64decode, one["pieces"])))
        for one in json.loads(file.read_text())
    ]
