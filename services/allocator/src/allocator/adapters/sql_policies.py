"""The statements about policies. ``$n`` are parameters; a batch is passed as one array for each column."""

_COLUMNS = "app, version, spec, source, withdrawn"


def in_force(app: str) -> str:
    """The row in force for ``app``, an expression: its own newest, else that for every app, unless withdrawn."""
    return f"""
    SELECT * FROM (
      (SELECT {_COLUMNS} FROM policy WHERE app = {app} ORDER BY version DESC LIMIT 1)
      UNION ALL
      (SELECT {_COLUMNS} FROM policy WHERE app = '*' ORDER BY version DESC LIMIT 1)
    ) AS newest WHERE NOT withdrawn ORDER BY app = '*' LIMIT 1
    """


IN_FORCE = f"""
SELECT halt.asked_by, halt.since, one.app, one.version, CASE WHEN one.version <> $2::int THEN spec::text END AS spec
FROM (SELECT $1::text AS app) AS asked
LEFT JOIN halt ON halt.app = asked.app
LEFT JOIN ({in_force("$1::text")}) AS one ON true
"""
"""One row, whether there is a policy or not. The spec only if the version is not the one that is known already."""

OLDER = """
SELECT version, spec::text AS spec FROM policy
WHERE app = $1 AND version < $2 AND NOT withdrawn ORDER BY version DESC LIMIT 10
"""

USE = """
INSERT INTO policy_in_use (app, version, since, epoch) VALUES ($1, $2, $3, $4)
ON CONFLICT (app) DO UPDATE SET version = EXCLUDED.version, since = EXCLUDED.since, epoch = EXCLUDED.epoch
"""

IN_USE = "SELECT app, version FROM policy_in_use"

NEWEST = """
SELECT DISTINCT ON (app)
  app, version, source, coalesce(uid, '') AS uid, coalesce(generation, 0) AS generation, withdrawn
FROM policy ORDER BY app, version DESC
"""

LOCK = "SELECT pg_advisory_xact_lock(hashtext('antre: policies are given'))"
"""Whoever gives policies waits for whoever is giving some, so that numbers are given once and in order."""

PUT = """
WITH given AS (
  SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::boolean[])
  WITH ORDINALITY AS g (app, spec, source, uid, generation, withdrawn, place)
),
newest AS (SELECT DISTINCT ON (app) * FROM policy WHERE app = ANY($1::text[]) ORDER BY app, version DESC)
INSERT INTO policy (app, version, spec, digest, given_at, source, uid, generation, withdrawn)
SELECT g.app, (SELECT coalesce(max(version), 0) FROM policy) + row_number() OVER (ORDER BY g.place),
  g.spec::jsonb, md5(g.spec), $7::timestamptz, g.source, nullif(g.uid, ''), nullif(g.generation, 0), g.withdrawn
FROM given AS g LEFT JOIN newest AS n USING (app)
WHERE CASE WHEN n.app IS NULL THEN NOT g.withdrawn
  ELSE (n.spec, n.withdrawn, n.source, coalesce(n.uid, '')) <> (g.spec::jsonb, g.withdrawn, g.source, g.uid)
END
RETURNING version
"""
"""What is as it was given last is not given again."""

VERSIONS = "SELECT app, max(version) AS version FROM policy WHERE app = ANY($1::text[]) GROUP BY app"
