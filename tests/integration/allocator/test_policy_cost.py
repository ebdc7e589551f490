"""What a policy makes a round read does not grow with the backlog, nor with what is over. Postgres says what it is."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from unit.allocator.making import NOON

from allocator.adapters import sql
from allocator.adapters.postgres import engine_for

BACKLOG, SERVED, ENDED = 30_000, 200, 30_000
FILL = """
INSERT INTO session (id, app, room, lane, state, waiting_since, verify, agent, ended_at, tries, refusals, avoid,
  resolve_seen, reopened, epoch)
SELECT gen_random_uuid(), 'demo', 'r' || n, 'lane' || n % 5, $1::text, now() - n * interval '1 s', false, $2::bigint,
  CASE WHEN $1::text = 'resolved' THEN now() END, 0, 0, '{}', false, false, 1
FROM generate_series($3::int, $4::int) AS n
"""
SERVE = """
INSERT INTO slot (app, agent, number, capacity, session)
SELECT app, n, 1, 1, id FROM (SELECT app, id, row_number() OVER () AS n FROM session WHERE state = 'assigned') s
"""
SEAT = "UPDATE session SET agent = slot.agent, slot = 1, capacity = 1 FROM slot WHERE slot.session = session.id"


@pytest.fixture
async def connection(schema_url):
    """A long day: many wait, some are served, many were."""
    engine = engine_for(schema_url, 60.0)
    async with engine.connect() as made, made.begin():
        await made.exec_driver_sql(FILL, ("waiting", None, 1, BACKLOG))
        await made.exec_driver_sql(FILL, ("assigned", None, BACKLOG + 1, BACKLOG + SERVED))
        await made.exec_driver_sql(FILL, ("resolved", 7, BACKLOG + SERVED + 1, BACKLOG + SERVED + ENDED))
        await made.exec_driver_sql(SERVE)
        await made.exec_driver_sql(SEAT)
        await made.exec_driver_sql("ANALYZE session")
        yield made
    await engine.dispose()


async def rows_read(connection, statement, *parameters):
    """How many rows of sessions Postgres looked at, those that it threw away included."""
    found = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
    told = found.scalar_one()
    (plan,) = told if isinstance(told, list) else json.loads(told)
    return sum(map(_read, _nodes(plan["Plan"])))


def _nodes(node):
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _read(node):
    if node.get("Relation Name") != "session":
        return 0
    return (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]


async def test_from_where_agents_have_their_sessions_costs_what_they_have(connection):
    assert await rows_read(connection, sql.LOADS_BY_LANE, "demo") == SERVED


async def test_who_served_a_room_last_costs_what_was_asked_for(connection):
    rooms = [f"r{BACKLOG + SERVED + n}" for n in range(1, 101)]
    assert await rows_read(connection, sql.LAST_AGENTS, "demo", rooms, NOON - timedelta(days=9)) == len(rooms)


async def test_the_front_of_every_lane_costs_what_is_loaded(connection):
    assert await rows_read(connection, sql.HEADS, "demo", 51) <= 5 * 51 + 10
    assert await rows_read(connection, sql.SURVEY, "demo", 0, datetime.now(UTC), 51) <= 5 * 51 + 10
