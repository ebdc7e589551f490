"""Policies say where they came from, may be withdrawn, and may be for every app; the leader says which it uses.

Allocators of the revision before go on: they read and write what they know, the rest has defaults.
"""

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and a table."""
    op.add_column("policy", sa.Column("source", sa.String(), server_default="file", nullable=False))
    op.add_column("policy", sa.Column("uid", sa.String(), nullable=True))
    op.add_column("policy", sa.Column("generation", sa.BigInteger(), nullable=True))
    op.add_column("policy", sa.Column("withdrawn", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "policy_in_use",
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("app"),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("policy_in_use")
    for column in ("withdrawn", "generation", "uid", "source"):
        op.drop_column("policy", column)
