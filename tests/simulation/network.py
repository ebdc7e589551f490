"""What is between processes and servers: requests and replies that take time, get lost, or meet nobody.

A request that is on its way arrives, whatever becomes of its sender; a reply is worth nothing to a sender that is gone.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from simulation.loop import Process, outside


class Refused(Exception):
    """Nobody listens there, or the way is cut: the request had surely no effect."""


class Broken(Exception):
    """The connection broke, or no reply came in time: whether the request had its effect is unknown."""


@dataclass(slots=True, kw_only=True)
class Weather:
    """How the way to a server is just now. Seconds, and probabilities from 0 to 1."""

    delay_s: tuple[float, float]
    request_lost: float = 0.0
    reply_lost: float = 0.0
    cut: bool = False


@dataclass(slots=True, eq=False)
class Server:
    """One end. ``up``: it listens. ``frozen``: it listens, and does nothing until it thaws."""

    name: str
    up: bool = True
    frozen: bool = False
    open_calls: "set[asyncio.Future[Any]]" = field(default_factory=set)
    _late: list[Callable[[], None]] = field(default_factory=list)

    def crash(self) -> None:
        """It is killed: whoever waits for an answer is told that the connection broke."""
        self.up, self.frozen = False, False
        self._late.clear()
        for reply in self.open_calls:
            _fail(reply, Broken("connection reset"))
        self.open_calls.clear()

    def thaw(self) -> None:
        """It goes on: what came meanwhile is done now."""
        self.frozen = False
        late, self._late = self._late, []
        for work in late:
            work()

    def receive(self, work: Callable[[], None]) -> None:
        """A request came."""
        if self.frozen:
            self._late.append(work)
        else:
            work()


class Link:
    """The way from one process to one server, and back."""

    def __init__(self, process: Process, server: Server, weather: Weather, chance: Random) -> None:
        self.process, self.server = process, server
        self.weather = weather
        self.closed = False
        """The simulation is over: nothing goes in either direction."""
        self._chance = chance

    async def call(self, effect: Callable[[], Any], timeout_s: float) -> Any:
        """What the server answers: the value of ``effect``, or of the future that it returns.

        Raises :class:`Refused` or :class:`Broken`, or what ``effect`` raised.
        """
        if self.closed:
            raise Refused("the simulation is over")
        loop = asyncio.get_running_loop()
        reply = loop.create_future()
        if self._chance.random() >= self.weather.request_lost:
            loop.call_later(self.delay(), self._arrive, effect, reply, context=outside())
        try:
            async with asyncio.timeout(timeout_s):
                return await reply
        except TimeoutError:
            raise Broken("no reply in time") from None

    @property
    def dice(self) -> Random:
        """Where chance on this way comes from."""
        return self._chance

    def tell(self, effect: Callable[[], Any]) -> None:
        """A message that nobody answers, as the end of a connection."""
        asyncio.get_running_loop().call_later(self.delay(), effect, context=outside())

    def delay(self) -> float:
        """How long the next packet takes."""
        return self._chance.uniform(*self.weather.delay_s)

    def _arrive(self, effect: Callable[[], Any], reply: asyncio.Future[Any]) -> None:
        if self.weather.cut or not self.server.up:
            _fail(reply, Refused("connection refused"))
            return
        self.server.receive(lambda: self._serve(effect, reply))

    def _serve(self, effect: Callable[[], Any], reply: asyncio.Future[Any]) -> None:
        try:
            found = effect()
        except Exception as error:  # noqa: BLE001 - it travels to the caller
            self._answer(reply, error)
            return
        if not isinstance(found, asyncio.Future):
            self._answer(reply, found)
            return
        self.server.open_calls.add(reply)
        reply.add_done_callback(lambda _: found.cancel(), context=outside())  # who has gone waits no more
        found.add_done_callback(lambda done: self._answer_later(reply, done), context=outside())

    def _answer_later(self, reply: asyncio.Future[Any], done: asyncio.Future[Any]) -> None:
        self.server.open_calls.discard(reply)
        if not done.cancelled():
            self._answer(reply, done.exception() or done.result())

    def _answer(self, reply: asyncio.Future[Any], answer: object) -> None:
        if self.weather.cut or self._chance.random() < self.weather.reply_lost:
            return
        loop = asyncio.get_running_loop()
        loop.call_later(self.delay(), _deliver, reply, answer, context=outside())


def _deliver(reply: asyncio.Future[Any], answer: object) -> None:
    if reply.done():
        return
    if isinstance(answer, Exception):
        reply.set_exception(answer)
    else:
        reply.set_result(answer)


def _fail(reply: asyncio.Future[Any], error: Exception) -> None:
    _deliver(reply, error)
