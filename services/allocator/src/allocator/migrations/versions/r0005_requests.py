"""What people ask the leader for, and the pause by hand that comes of it.

Allocators of the revision before go on: they know nothing of these tables, so what is asked waits for one that does.
"""

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two tables."""
    op.create_table(
        "request",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("room", sa.String(), nullable=True),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("says", sa.String(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(kind IN ('pause', 'resume')) = (room IS NULL)", name="request_is_of_room_or_app"),
        sa.CheckConstraint("(done_at IS NULL) = (outcome IS NULL)", name="request_is_open_or_answered"),
        sa.CheckConstraint("char_length(asked_by) BETWEEN 1 AND 64", name="request_names_who_asked"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("request_open", "request", ["asked_at", "id"], postgresql_where=sa.text("done_at IS NULL"))
    op.create_index("request_of_room", "request", ["app", "room", "asked_at"])
    op.create_index("request_by_age", "request", ["asked_at"])
    op.create_table(
        "halt",
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("app"),
    )
