"""Alembic's side of the schema: how a database comes from any earlier revision to this one."""
