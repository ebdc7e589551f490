"""Policies in Postgres: how they are read and given, in whatever transaction."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from allocator.adapters import sql_policies as sql
from allocator.core.claims import PolicyGiven
from allocator.core.ids import AppId
from allocator.core.policy import Halt, Policy, PolicyError, compile_spec, standard

Ask = Callable[..., Awaitable[Sequence[Any]]]
"""Sends a statement with its parameters; the rows that come back, by the names of their columns."""


async def in_force(ask: Ask, row: Any, known: Policy) -> Policy:
    """The policy that a row of ``IN_FORCE`` tells, with its halt; ``known`` where that is it. One that cannot be
    compiled, because a newer allocator took it in, is passed over: the one before stays in force.
    """
    halt = None if row.since is None else Halt(by=row.asked_by, since=row.since)
    policy = await _policy(ask, row, known)
    return policy if policy.halt == halt else replace(policy, halt=halt)


async def _policy(ask: Ask, row: Any, known: Policy) -> Policy:
    if row.app is None:
        return standard() if known.version else known
    if row.spec is None:
        return known
    try:
        return _compiled(row.spec, row.version)
    except PolicyError:
        return await _older(ask, row.app, row.version)


def from_file(app: AppId, row: Mapping[str, Any]) -> PolicyGiven:
    """A policy that came in a file."""
    return PolicyGiven(app=app, row=row, source="file", uid="", generation=0, withdrawn=False)


async def put(ask: Ask, given: Sequence[PolicyGiven], now: datetime) -> Mapping[AppId, int]:
    """Give policies; what is as it was given last stays as it is. The newest version of each."""
    await ask(sql.LOCK)
    rows = [(one.app, _text(one.row), one.source, one.uid, one.generation, one.withdrawn) for one in given]
    await ask(sql.PUT, *map(list, zip(*rows, strict=True)), now)
    found = await ask(sql.VERSIONS, [one.app for one in given])
    return {AppId(row.app): row.version for row in found}


async def _older(ask: Ask, app: str, version: int) -> Policy:
    for row in await ask(sql.OLDER, app, version):
        try:
            return _compiled(row.spec, row.version)
        except PolicyError:
            continue
    return standard()


def _compiled(spec: str, version: int) -> Policy:
    return compile_spec(msgspec.json.decode(spec), version)


def _text(row: Mapping[str, Any]) -> str:
    return msgspec.json.encode(row, order="sorted").decode()
