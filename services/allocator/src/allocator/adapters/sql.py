"""The texts of the statements. ``$n`` are parameters. What is written comes as one text of JSON, an object for each
row: that costs half of an array for each column. What is asked for by its keys has an array for each column of these.

A way to Postgres and back is what the time from a resolve to the next assignment consists of, so what a round asks in
one place is one statement (`make bench ONLY=8`).
"""

from collections.abc import Iterable
from dataclasses import fields

from allocator.adapters.sql_policies import IN_FORCE
from allocator.core import session as states
from allocator.core.lifecycle import TOLD
from allocator.core.session import OPEN, Session, State
from allocator.ports import PARKED_MAX

SESSION_COLUMNS = tuple(item.name for item in fields(Session))


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


_ALL = ", ".join(SESSION_COLUMNS)
_UPDATES = ", ".join(f"{name} = EXCLUDED.{name}" for name in (*SESSION_COLUMNS[1:], "epoch"))
_OPEN = f"state IN ({_words(OPEN)})"
_IN_TURN = f"state = '{State.WAITING}' AND due_at IS NULL"

WRITE = f"""
WITH shall AS (SELECT * FROM json_populate_recordset(NULL::session, $1)),
freed AS (DELETE FROM slot WHERE session = ANY($2::uuid[]) RETURNING app, agent),
given AS (
  INSERT INTO slot (app, agent, number, capacity, session)
  SELECT app, agent, slot, capacity, id FROM shall WHERE id = ANY($3::uuid[])
  RETURNING app, agent
),
touched AS (
  INSERT INTO agent (app, agent, busy_at)
  SELECT app, agent, now() FROM (TABLE freed UNION TABLE given) AS both_ways
  ON CONFLICT (app, agent) DO UPDATE SET busy_at = EXCLUDED.busy_at
),
told AS (
  INSERT INTO step (app, room, session, at, what, why, agent, facts, epoch)
  SELECT app, room, session, at, what, why, agent, facts, $5 FROM json_populate_recordset(NULL::step, $4)
  ON CONFLICT DO NOTHING
)
INSERT INTO session ({_ALL}, epoch) SELECT {_ALL}, $5::bigint FROM shall
ON CONFLICT (id) DO UPDATE SET {_UPDATES}
"""
"""Sessions as they shall be; those whose slots are freed, and those that have new ones; and what is told of it. A slot
that is freed cannot be given in the same statement: neither half sees what the other does.
"""

FREE_SLOTS = "DELETE FROM slot WHERE session = ANY($1::uuid[])"

_LAST_END = """
SELECT max(at) AS ended_at, max(service) AS last_service, max(previous) AS last_previous FROM (
  SELECT ended_at AS at, NULL::bigint AS service, previous
  FROM session WHERE ended_at IS NOT NULL AND (app, room) = (r.app, r.room) AND s.id IS NULL
  UNION ALL
  SELECT accepted_at, service, NULL
  FROM event WHERE kind = 'room_resolved' AND (app, room) = (r.app, r.room) AND s.id IS NULL
) AS ends
"""
_KNOWN = f"""
LEFT JOIN LATERAL (SELECT {_ALL} FROM session WHERE {_OPEN} AND (app, room) = (r.app, r.room)) AS s ON true
LEFT JOIN LATERAL ({_LAST_END}) AS e ON true
"""
"""Of each room ``r`` its open session or, where it has none, the last end."""
_KNOWN_COLUMNS = f"{', '.join(f's.{name}' for name in SESSION_COLUMNS)}, e.ended_at, e.last_service, e.last_previous"

RECORD_EVENTS = f"""
WITH r AS (
  INSERT INTO event (app, id, kind, room, service, accepted_at, recorded_at, epoch)
  SELECT app, id, kind, room, service, accepted_at, $2::timestamptz, $3::bigint
  FROM json_populate_recordset(NULL::event, $1)
  ON CONFLICT DO NOTHING
  RETURNING app, room, id, service
)
SELECT r.app, r.room, {_KNOWN_COLUMNS}, r.id AS event,
  (SELECT true FROM event WHERE (app, service) = (r.app, r.service) LIMIT 1) AS repeated
FROM r {_KNOWN}
"""
"""The events that were not there, each with what was known before of its room and of its service. Not EXISTS: with
that the statement took twice as long when 60,000 were served (3.3 and 7.1 ms), presumably for a table of all events.
"""

ROOMS = f"""
SELECT r.app, r.room, {_KNOWN_COLUMNS} FROM UNNEST($1::text[], $2::text[]) AS r (app, room) {_KNOWN}
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


def _heads(per_lane: str) -> str:
    """The lanes are found one after another in the index, so the cost is that of the lanes, not of the backlog."""
    return f"""
WITH RECURSIVE lanes AS (
  (SELECT lane FROM session WHERE app = $1 AND {_IN_TURN} ORDER BY lane LIMIT 1)
  UNION ALL
  SELECT (
    SELECT s.lane FROM session s WHERE s.app = $1 AND {_IN_TURN} AND s.lane > lanes.lane ORDER BY s.lane LIMIT 1
  ) FROM lanes WHERE lanes.lane IS NOT NULL
)
SELECT h.* FROM lanes, LATERAL (
  SELECT {_ALL} FROM session
  WHERE app = $1 AND lane = lanes.lane AND {_IN_TURN} ORDER BY waiting_since, id LIMIT {per_lane}
) h WHERE lanes.lane IS NOT NULL
"""


HEADS = _heads("$2")

_HEADS_BY_COLUMN = ", ".join(f"array_agg({name}{'::text' if name == 'avoid' else ''})" for name in SESSION_COLUMNS)

SURVEY = f"""
SELECT in_force.*, slots.*, loads.*, heads.* FROM ({IN_FORCE}) AS in_force,
(SELECT array_agg(agent) AS slot_agents, array_agg(number) AS slot_numbers FROM slot WHERE app = $1) AS slots,
(
  SELECT array_agg(a.agent) AS agents, array_agg(coalesce(c.closed, 0)) AS closed,
    array_agg(extract(epoch FROM a.busy_at)::float8) AS busy_at
  FROM agent a LEFT JOIN (
    SELECT agent, count(*) AS closed FROM session WHERE app = $1 AND ended_at > $3 AND agent IS NOT NULL
    AND ending IN ({_words(TOLD)}) GROUP BY agent
  ) c USING (agent) WHERE a.app = $1
) AS loads,
(SELECT {_HEADS_BY_COLUMN} FROM ({_heads("$4")}) AS h) AS heads
"""
"""One row: the policy in force, and as an array for each column the slots, the agents and who is next in each lane."""

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
