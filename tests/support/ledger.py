"""What our stores hold, read from outside of our code: the ledger in Postgres, the inbox in Redis."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

READ = """
SELECT json_build_object(
  'epoch', (SELECT epoch FROM term),
  'open', (SELECT coalesce(json_agg(json_build_object('id', s.id, 'app', app, 'room', room, 'state', state,
             'agent', agent, 'slot', slot)), '[]') FROM session s WHERE ended_at IS NULL),
  'ended', (SELECT coalesce(json_object_agg(state, n), '{}')
            FROM (SELECT state, count(*) AS n FROM session WHERE ended_at IS NOT NULL GROUP BY state) e),
  'slots', (SELECT coalesce(json_agg(json_build_object('app', app, 'agent', agent, 'number', number,
              'session', session)), '[]') FROM slot),
  'epochs', (SELECT coalesce(json_agg(e ORDER BY e.epoch), '[]') FROM (
               SELECT epoch, extract(epoch FROM min(recorded_at))::float8 AS first,
                      extract(epoch FROM max(recorded_at))::float8 AS last
               FROM event GROUP BY epoch) e),
  'newest_epoch_of_a_session', (SELECT max(epoch) FROM session)
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """One reading of Postgres."""

    epoch: int
    open: Sequence[dict[str, Any]]
    ended: dict[str, int]
    slots: Sequence[dict[str, Any]]
    epochs: Sequence[dict[str, float]]
    """For each term, when the first and the last of its events were recorded."""
    newest_epoch_of_a_session: int | None


def read_ledger(url: str) -> Ledger:
    """Read all of it in one statement: one moment."""
    return Ledger(**json.loads(asyncio.run(_value(url, READ))))


def value(url: str, statement: str) -> Any:
    """The first column of the first row."""
    return asyncio.run(_value(url, statement))


def rows(url: str, statement: str) -> list[dict[str, Any]]:
    """All rows, without their empty columns."""
    found = json.loads(asyncio.run(_value(url, f"SELECT coalesce(json_agg(r), '[]') FROM ({statement}) r")))
    return [{name: value for name, value in row.items() if value not in (None, False, [], 0)} for row in found]


async def _value(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url, timeout=10, command_timeout=30)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
