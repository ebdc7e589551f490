"""Run by Alembic. The connection comes from ``adapters.migrate``; there is no configuration file."""

from alembic import context
from sqlmodel import SQLModel

from allocator.adapters import tables

assert tables.__name__  # importing it is what fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
