"""The ports, laid open: the same adapters, each call of which is steps. Which calls there are, the ports say.

A call of a port is a step before and a step after it; one that changes something elsewhere is a third, while it is
under way. Of a transaction only the commit changes anything: so each of its statements is one step, before it, and the
commit is all three. (What is after a statement is before the next.)
"""

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from typing import Any

from .steps import AFTER, BEFORE, Steps

CHANGES_ELSEWHERE = frozenset(
    {
        *("inbox.append", "inbox.delete", "lease.acquire", "lease.renew", "lease.release"),
        *("ledger.begin_term", "ledger.commit", "platform.assign"),
    }
)
OF_FOLLOWERS = "lease.wait_for_release"
"""Who calls this leads nobody: its steps start over."""

WAYS_TO_THE_SERVER = ("_rows", "_run")
"""Each statement of a transaction takes one of these."""

Method = Callable[..., Any]


_call_of_transaction: ContextVar[str] = ContextVar("_call_of_transaction")


def put(place: Any, name: str, part: object) -> None:
    """Let ``part`` be what ``place`` has under ``name``, in this process."""
    setattr(place, name, part)


def calls_of(port: type) -> list[str]:
    """The names of the calls that a port has."""
    return [name for name, thing in vars(port).items() if inspect.isfunction(thing) and not name.startswith("_")]


def counted(adapter: type, port: type, name: str, steps: Steps) -> type:
    """``adapter`` with all that ``port`` asks of it counted, under ``name``."""
    methods = {call: _counted(getattr(adapter, call), f"{name}.{call}", steps) for call in calls_of(port)}
    return type(adapter.__name__, (adapter,), {"__slots__": (), **methods})


def counted_statements(adapter: type, port: type, name: str, steps: Steps) -> type:
    """``adapter``, a transaction, with each statement counted that a call of ``port`` leads to. Not every call does."""
    calls = {call: _named(getattr(adapter, call), f"{name}.{call}") for call in calls_of(port)}
    ways = {way: _statement(getattr(adapter, way), steps) for way in WAYS_TO_THE_SERVER}
    return type(adapter.__name__, (adapter,), calls | ways)


def _named(method: Method, name: str) -> Method:
    async def call(*words: Any, **named: Any) -> Any:
        _call_of_transaction.set(name)
        return await method(*words, **named)

    return call


def _statement(method: Method, steps: Steps) -> Method:
    async def send(*words: Any) -> Any:
        steps.reach(BEFORE, _call_of_transaction.get())
        return await method(*words)

    return send


def _counted(method: Method, name: str, steps: Steps) -> Method:
    if name == OF_FOLLOWERS:
        return _looking_on(method, steps)
    if inspect.isasyncgenfunction(method):
        return _pages(method, name, steps)
    if not inspect.iscoroutinefunction(method):
        return _transaction(method, name, steps)
    return _written(method, name, steps) if name in CHANGES_ELSEWHERE else _read(method, name, steps)


def _looking_on(method: Method, steps: Steps) -> Method:
    async def call(*words: Any) -> Any:
        steps.start_over()
        return await method(*words)

    return call


def _read(method: Method, name: str, steps: Steps) -> Method:
    async def call(*words: Any) -> Any:
        steps.reach(BEFORE, name)
        result = await method(*words)
        steps.reach(AFTER, name)
        return result

    return call


def _written(method: Method, name: str, steps: Steps) -> Method:
    async def call(*words: Any) -> Any:
        return await steps.pass_through(method(*words), name)

    return call


def _pages(method: Method, name: str, steps: Steps) -> Method:
    async def call(*words: Any) -> AsyncIterator[Any]:
        steps.reach(BEFORE, name)
        async for page in method(*words):
            steps.reach(AFTER, name)
            yield page

    return call


def _transaction(method: Method, name: str, steps: Steps) -> Method:
    commit = f"{name.partition('.')[0]}.commit"

    @asynccontextmanager
    async def call(*words: Any) -> AsyncIterator[Any]:
        inner: AbstractAsyncContextManager[Any] = method(*words)
        steps.reach(BEFORE, name)
        transaction = await inner.__aenter__()
        try:
            yield transaction
        except BaseException as error:
            if not await inner.__aexit__(type(error), error, error.__traceback__):
                raise
        else:
            await steps.pass_through(inner.__aexit__(None, None, None), commit)

    return call
