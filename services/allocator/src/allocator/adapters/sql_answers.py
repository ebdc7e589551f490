"""The texts of the statements that answer questions: all of them only read."""

from allocator.core.session import OPEN, State

_OPEN = "state IN (" + ", ".join(f"'{state}'" for state in sorted(OPEN)) + ")"

POLICY_GIVEN = "SELECT source, given_at FROM policy WHERE app IN ($1, '*') AND version = $2"

READ_ONLY = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

IS_THERE = "SELECT to_regclass($1::text) IS NOT NULL"

SERVER = "SELECT current_setting('server_version'), clock_timestamp()"

REVISION = "SELECT version_num FROM alembic_version"

TERM = "SELECT epoch, leader, began_at FROM term"

# One after another in the index, so the cost is that of the apps, not of the sessions.
APPS = """
WITH RECURSIVE apps AS (
  (SELECT app FROM session ORDER BY app LIMIT 1)
  UNION ALL
  SELECT (SELECT s.app FROM session s WHERE s.app > apps.app ORDER BY s.app LIMIT 1)
  FROM apps WHERE apps.app IS NOT NULL
)
SELECT app FROM apps WHERE app IS NOT NULL
"""

COUNTS = f"SELECT state, count(*) FROM session WHERE app = $1 AND {_OPEN} GROUP BY state"

MORE_COUNTS = f"""
SELECT (SELECT min(waiting_since) FROM session WHERE app = $1 AND state = '{State.WAITING}'),
       (SELECT count(*) FROM slot WHERE app = $1),
       (SELECT count(*) FROM session WHERE app = $1 AND ended_at IS NOT NULL AND state = '{State.PARKED}')
"""

WAITING = f"""
SELECT id, room, lane, waiting_since, verify, due_at FROM session
WHERE app = $1 AND state = '{State.WAITING}' ORDER BY waiting_since, id LIMIT $2
"""

AGENTS = """
SELECT a.agent, count(s.number), a.busy_at FROM agent a
LEFT JOIN slot s ON s.app = a.app AND s.agent = a.agent
WHERE a.app = $1 GROUP BY a.agent, a.busy_at ORDER BY a.agent
"""

LIVES = """
SELECT id, lane, state, waiting_since, agent, assigned_at, ended_at, ending, verify, due_at
FROM session WHERE app = $1 AND room = $2 ORDER BY waiting_since DESC, id DESC LIMIT $3
"""

STEPS = """
SELECT session, at, what, why, agent, facts FROM step
WHERE app = $1 AND room = $2 AND session = ANY($3::uuid[]) ORDER BY at LIMIT $4
"""

BEFORE = f"""
SELECT count(*), count(*) FILTER (WHERE lane = $2 AND due_at IS NULL) FROM session
WHERE app = $1 AND state = '{State.WAITING}' AND (waiting_since, id) < ($3, $4::uuid)
"""

PARKED = f"""
SELECT room, lane, waiting_since, ended_at, ending FROM session
WHERE app = $1 AND state = '{State.PARKED}' ORDER BY ended_at DESC LIMIT $2
"""

FREED = """
SELECT ended_at, agent FROM session
WHERE app = $1 AND ended_at > $2 AND agent IS NOT NULL ORDER BY ended_at DESC LIMIT $3
"""
