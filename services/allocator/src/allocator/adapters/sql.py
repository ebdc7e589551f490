"""The texts of the statements. ``$n`` are parameters; a batch is passed as one array for each column."""

from collections.abc import Iterable
from dataclasses import fields

from allocator.core import session as states
from allocator.core.lifecycle import TOLD
from allocator.core.session import OPEN, Session, State
from allocator.ports import PARKED_MAX

SESSION_COLUMNS = tuple(item.name for item in fields(Session))

_TYPES = {
    "id": "uuid",
    "app": "text",
    "room": "text",
    "lane": "text",
    "state": "text",
    "verify": "boolean",
    "agent": "bigint",
    "slot": "int",
    "capacity": "int",
    "policy_version": "int",
    "tries": "int",
    "refusals": "int",
    "avoid": "text",
    "resolve_seen": "boolean",
    "previous": "bigint",
    "reopened": "boolean",
    "ending": "text",
    "trace": "text",
}
"""Where a column is not named here it is a ``timestamptz``. ``avoid`` travels as the text of an array: UNNEST
would flatten an array of arrays."""


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


_ALL = ", ".join(SESSION_COLUMNS)
_ARRAYS = ", ".join(f"${n}::{_TYPES.get(name, 'timestamptz')}[]" for n, name in enumerate(SESSION_COLUMNS, 1))
_VALUES = ", ".join(f"u.{name}::bigint[]" if name == "avoid" else f"u.{name}" for name in SESSION_COLUMNS)
_UPDATES = ", ".join(f"{name} = EXCLUDED.{name}" for name in (*SESSION_COLUMNS[1:], "epoch"))
_EPOCH = f"${len(SESSION_COLUMNS) + 1}::bigint"
_OPEN = f"state IN ({_words(OPEN)})"
_IN_TURN = f"state = '{State.WAITING}' AND due_at IS NULL"
_ROOMS = "SELECT * FROM UNNEST($1::text[], $2::text[]) AS r (app, room)"

WRITE_SESSIONS = f"""
INSERT INTO session ({_ALL}, epoch)
SELECT {_VALUES}, {_EPOCH} FROM UNNEST({_ARRAYS}) AS u ({_ALL})
ON CONFLICT (id) DO UPDATE SET {_UPDATES}
"""

_TOUCH = """
INSERT INTO agent (app, agent, busy_at)
SELECT DISTINCT app, agent, now() FROM touched
ON CONFLICT (app, agent) DO UPDATE SET busy_at = EXCLUDED.busy_at
"""

# What an agent gains or loses and when that was goes in one statement: each is a way to Postgres and back, and they are
# what the time from a resolve to the next assignment consists of (`make bench ONLY=8a`).
FREE_SLOTS = f"""
WITH touched AS (DELETE FROM slot WHERE session = ANY($1::uuid[]) RETURNING app, agent)
{_TOUCH}
"""

GIVE_SLOTS = f"""
WITH touched AS (
  INSERT INTO slot (app, agent, number, capacity, session)
  SELECT * FROM UNNEST($1::text[], $2::bigint[], $3::int[], $4::int[], $5::uuid[])
  RETURNING app, agent
)
{_TOUCH}
"""

RECORD_EVENTS = """
INSERT INTO event (app, id, kind, room, service, accepted_at, recorded_at, epoch)
SELECT u.*, $7::timestamptz, $8::bigint
FROM UNNEST($1::text[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[]) AS u
ON CONFLICT DO NOTHING
RETURNING id
"""

KNOWN_SERVICES = """
SELECT DISTINCT e.app, e.service FROM event e
JOIN UNNEST($1::text[], $2::bigint[]) AS u (app, service) ON e.app = u.app AND e.service = u.service
WHERE e.service IS NOT NULL
"""

OPEN_SESSIONS = f"SELECT {_ALL} FROM session WHERE {_OPEN} AND (app, room) IN ({_ROOMS})"

LAST_ENDS = f"""
SELECT app, room, max(at), max(service), max(previous) FROM (
  SELECT app, room, ended_at AS at, NULL::bigint AS service, previous
  FROM session WHERE ended_at IS NOT NULL AND (app, room) IN ({_ROOMS})
  UNION ALL
  SELECT app, room, accepted_at, service, NULL
  FROM event WHERE kind = 'room_resolved' AND (app, room) IN ({_ROOMS})
) AS ends GROUP BY app, room
"""

SESSIONS_BY_ID = f"SELECT {_ALL} FROM session WHERE id = ANY($1::uuid[])"


UNSETTLED = f"""
SELECT {_ALL} FROM session
WHERE state IN ({_words(states.UNSETTLED)}) AND app = ANY($1::text[]) ORDER BY reserved_at, id
"""

AHEAD = f"""
SELECT {_ALL} FROM session WHERE app = ANY($1::text[]) AND due_at > $2
UNION ALL
SELECT {_ALL} FROM session
WHERE app = ANY($1::text[]) AND state = '{State.ASSIGNED}' AND due_at IS NULL AND coalesce(checked_at, assigned_at) > $2
"""

DUE = f"""
SELECT {_ALL} FROM session
WHERE due_at IS NOT NULL AND id <> ALL($1::uuid[]) AND app = ANY($2::text[])
ORDER BY due_at LIMIT $3
"""

LOADS = f"""
SELECT a.agent, s.taken, coalesce(c.closed, 0), a.busy_at FROM agent a
LEFT JOIN (SELECT agent, array_agg(number) AS taken FROM slot WHERE app = $1 GROUP BY agent) s USING (agent)
LEFT JOIN (
  SELECT agent, count(*) AS closed FROM session WHERE app = $1 AND ended_at > $2 AND agent IS NOT NULL
  AND ending IN ({_words(TOLD)}) GROUP BY agent
) c USING (agent)
WHERE a.app = $1
"""

LOADS_BY_LANE = """
SELECT agent, lane, count(*) FROM session WHERE app = $1 AND slot IS NOT NULL GROUP BY agent, lane
"""

LAST_AGENTS = f"""
SELECT r.room, s.agent FROM UNNEST($2::text[]) AS r (room), LATERAL (
  SELECT agent FROM session
  WHERE app = $1 AND room = r.room AND ended_at > $3 AND agent IS NOT NULL AND state = '{State.RESOLVED}'
  ORDER BY ended_at DESC LIMIT 1
) s
"""

# The lanes are found one after another in the index, so the cost is that of the lanes, not of the backlog.
HEADS = f"""
WITH RECURSIVE lanes AS (
  (SELECT lane FROM session WHERE app = $1 AND {_IN_TURN} ORDER BY lane LIMIT 1)
  UNION ALL
  SELECT (
    SELECT s.lane FROM session s WHERE s.app = $1 AND {_IN_TURN} AND s.lane > lanes.lane ORDER BY s.lane LIMIT 1
  ) FROM lanes WHERE lanes.lane IS NOT NULL
)
SELECT h.* FROM lanes, LATERAL (
  SELECT {_ALL} FROM session
  WHERE app = $1 AND lane = lanes.lane AND {_IN_TURN} ORDER BY waiting_since, id LIMIT $2
) h WHERE lanes.lane IS NOT NULL
"""

SERVED_BY = f"""
SELECT {_ALL} FROM session
WHERE app = $1 AND agent = ANY($2::bigint[]) AND slot IS NOT NULL AND state = '{State.ASSIGNED}' AND due_at IS NULL
AND assigned_at < $3 ORDER BY coalesce(checked_at, assigned_at), id LIMIT $4
"""

AUDIT_SERVED = f"""
SELECT {_ALL} FROM session
WHERE app = $1 AND state = '{State.ASSIGNED}' AND due_at IS NULL AND coalesce(checked_at, assigned_at) < $2
ORDER BY coalesce(checked_at, assigned_at), id LIMIT $3
"""

AUDIT_WAITING = f"""
SELECT {_ALL} FROM session
WHERE app = $1 AND {_IN_TURN} AND waiting_since < $2 AND room <> ALL($3::text[]) ORDER BY waiting_since, id LIMIT $4
"""

TELL = """
INSERT INTO step (app, room, session, at, what, why, agent, facts, epoch)
SELECT u.app, u.room, u.session, u.at, u.what, u.why, u.agent, u.facts::jsonb, $9::bigint
FROM UNNEST($1::text[], $2::text[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::bigint[], $8::text[])
AS u (app, room, session, at, what, why, agent, facts)
ON CONFLICT DO NOTHING
"""

FORGET_EVENTS = """
DELETE FROM event WHERE (app, id) IN (
  SELECT app, id FROM event WHERE recorded_at < $1 ORDER BY recorded_at LIMIT $2
) RETURNING 1
"""

FORGET_STEPS = """
DELETE FROM step WHERE (app, room, session, at, what) IN (
  SELECT app, room, session, at, what FROM step WHERE at < $1 ORDER BY at LIMIT $2
) RETURNING 1
"""

# App by app, so that the oldest are found in the index, however many are kept.
FORGET_SESSIONS = """
WITH RECURSIVE apps AS (
  (SELECT app FROM session ORDER BY app LIMIT 1)
  UNION ALL
  SELECT (SELECT s.app FROM session s WHERE s.app > apps.app ORDER BY s.app LIMIT 1)
  FROM apps WHERE apps.app IS NOT NULL
)
DELETE FROM session WHERE id IN (
  SELECT old.id FROM apps, LATERAL (
    SELECT id FROM session WHERE app = apps.app AND ended_at < $1 ORDER BY ended_at LIMIT $2
  ) old LIMIT $2
) RETURNING 1
"""

WAITING_BY_LANE = f"""
SELECT lane, count(*), min(waiting_since) FROM session WHERE app = $1 AND {_IN_TURN} GROUP BY lane
"""

OPEN_BY_STATE = f"SELECT state, count(*) FROM session WHERE app = $1 AND {_OPEN} GROUP BY state"

SLOTS_AND_OLDEST = f"""
SELECT (SELECT count(*) FROM slot WHERE app = $1),
       (SELECT min(waiting_since) FROM session WHERE app = $1 AND state = '{State.WAITING}'),
       (SELECT min(unknown_at) FROM session
        WHERE app = $1 AND state = '{State.DOUBT}' AND state IN ({_words(states.UNSETTLED)})),
       (SELECT count(*) FROM (
          SELECT app, room, ended_at FROM session
          WHERE app = $1 AND state = '{State.PARKED}' ORDER BY ended_at DESC LIMIT {PARKED_MAX}
        ) AS parked
        WHERE NOT EXISTS (
          SELECT FROM session later WHERE later.app = parked.app AND later.room = parked.room
          AND (later.ended_at IS NULL OR later.ended_at > parked.ended_at)
        ))
"""
