"""The list of parked sessions can be had without looking at all that ended."""

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here."""
    op.create_index("session_parked", "session", ["app", "ended_at"], postgresql_where=sa.text("state = 'parked'"))
