"""Policies in Postgres: how they are read and given, in whatever transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from allocator.adapters import sql_policies as sql
from allocator.core.claims import PolicyGiven
from allocator.core.ids import AppId
from allocator.core.policy import Policy, PolicyError, compile_spec, standard


async def in_force(connection: AsyncConnection, app: AppId, known: Policy) -> Policy:
    """The policy of ``app``; ``known`` where that is it. One that cannot be compiled, because a newer allocator took it
    in, is passed over: the one before stays in force.
    """
    row = (await connection.exec_driver_sql(sql.IN_FORCE, (app, known.version))).first()
    if row is None:
        return standard()
    if row.spec is None:
        return known
    try:
        return _compiled(row.spec, row.version)
    except PolicyError:
        return await _older(connection, row.app, row.version)


def from_file(app: AppId, row: Mapping[str, Any]) -> PolicyGiven:
    """A policy that came in a file."""
    return PolicyGiven(app=app, row=row, source="file", uid="", generation=0, withdrawn=False)


async def put(connection: AsyncConnection, given: Sequence[PolicyGiven], now: datetime) -> Mapping[AppId, int]:
    """Give policies; what is as it was given last stays as it is. The newest version of each."""
    await connection.exec_driver_sql(sql.LOCK)
    rows = [(one.app, _text(one.row), one.source, one.uid, one.generation, one.withdrawn) for one in given]
    await connection.exec_driver_sql(sql.PUT, (*map(list, zip(*rows, strict=True)), now))
    found = await connection.exec_driver_sql(sql.VERSIONS, ([one.app for one in given],))
    return {AppId(row.app): row.version for row in found}


async def _older(connection: AsyncConnection, app: str, version: int) -> Policy:
    for row in await connection.exec_driver_sql(sql.OLDER, (app, version)):
        try:
            return _compiled(row.spec, row.version)
        except PolicyError:
            continue
    return standard()


def _compiled(spec: str, version: int) -> Policy:
    return compile_spec(msgspec.json.decode(spec), version)


def _text(row: Mapping[str, Any]) -> str:
    return msgspec.json.encode(row, order="sorted").decode()
