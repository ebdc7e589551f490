"""A session keeps the trace that its webhook began, so that a change of leader does not break it off."""

import sqlalchemy as sa
from alembic import op

revision = "r0006"
down_revision = "r0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here."""
    op.add_column("session", sa.Column("trace", sa.String(), nullable=True))
