"""The statements about what people ask for. ``$n`` are parameters; a batch is passed as one array for each column."""

from allocator.adapters.sql import SESSION_COLUMNS
from allocator.adapters.sql_policies import in_force
from allocator.core.requests import REQUESTS_MAX, Kind
from allocator.core.session import State

_KINDS = ", ".join(f"'{kind}'" for kind in Kind)
OPEN_MAX = 1000
"""More requests than these are not taken while nobody answers them."""

NEWS = f"""
WITH known AS (SELECT * FROM UNNEST($1::text[], $2::int[]) AS k (app, version))
SELECT known.app, NULL::uuid AS id, NULL::text AS kind, NULL::text AS room, NULL::text AS asked_by,
  NULL::timestamptz AS asked_at
FROM known LEFT JOIN LATERAL ({in_force("known.app")}) AS now ON true
WHERE coalesce(now.version, 0) <> known.version
UNION ALL (
  SELECT app, id, kind, room, asked_by, asked_at FROM request
  WHERE done_at IS NULL AND kind IN ({_KINDS}) AND app IN (SELECT app FROM known)
  ORDER BY asked_at, id LIMIT {REQUESTS_MAX}
)
"""
"""Apps by themselves: their policy is of another version than is known. Both in one way to Postgres and back, once a
tick. What a newer version may ask for is left to a newer leader.
"""

SESSIONS_OF_ROOMS = f"""
SELECT DISTINCT ON (app, room) {", ".join(SESSION_COLUMNS)} FROM session
WHERE (app, room) IN (SELECT * FROM UNNEST($1::text[], $2::text[]))
ORDER BY app, room, ended_at DESC NULLS FIRST
"""

HALTS = "SELECT app, asked_by, since FROM halt WHERE app = ANY($1::text[])"

ANSWER = """
UPDATE request SET done_at = $4::timestamptz, outcome = u.outcome, says = u.says, epoch = $5::bigint
FROM UNNEST($1::uuid[], $2::text[], $3::text[]) AS u (id, outcome, says)
WHERE request.id = u.id
"""

HALT = """
INSERT INTO halt (app, asked_by, since, epoch) VALUES ($1, $2, $3, $4)
ON CONFLICT (app) DO UPDATE SET asked_by = EXCLUDED.asked_by, since = EXCLUDED.since, epoch = EXCLUDED.epoch
"""

HALT_NO_MORE = "DELETE FROM halt WHERE app = $1"

LEFT_OUT = f"""
SELECT app, room FROM session
WHERE (app, room) IN (SELECT * FROM UNNEST($1::text[], $2::text[])) AND state = '{State.PARKED}' AND ended_at > $4
UNION
SELECT found.app, found.room FROM UNNEST($1::text[], $2::text[], $3::timestamptz[]) AS found (app, room, since)
JOIN request ON request.app = found.app AND request.room = found.room AND request.asked_at >= found.since
WHERE request.kind = '{Kind.WITHDRAW}' AND request.outcome = 'done'
"""
"""Rooms that a sweep found and does not take up: lately refused for good; or they wait since before a person withdrew
them."""

FORGET = """
DELETE FROM request WHERE id IN (
  SELECT id FROM request WHERE asked_at < $1 ORDER BY asked_at LIMIT $2
) RETURNING 1
"""

ASK = f"""
INSERT INTO request (id, app, kind, room, asked_by, asked_at)
SELECT $1::uuid, $2::text, $3::text, $4::text, $5::text, clock_timestamp()
WHERE (SELECT count(*) FROM (SELECT FROM request WHERE done_at IS NULL LIMIT {OPEN_MAX}) AS open) < {OPEN_MAX}
RETURNING asked_at
"""

WHAT_BECAME = "SELECT done_at, outcome, says FROM request WHERE id = $1::uuid"

BY_HAND = """
SELECT (SELECT asked_by FROM halt WHERE app = $1), (SELECT since FROM halt WHERE app = $1),
       count(*), min(asked_at) FROM request WHERE app = $1 AND done_at IS NULL
"""

ASKED = f"""
SELECT kind, asked_by, asked_at, done_at, outcome, says FROM request
WHERE app = $1 AND kind IN ({_KINDS}) AND (room = $2 OR (room IS NULL AND outcome = 'done')) AND asked_at >= $3
ORDER BY asked_at DESC LIMIT $4
"""
"""What was asked for a room, and which pauses and resumes of its app there were."""
