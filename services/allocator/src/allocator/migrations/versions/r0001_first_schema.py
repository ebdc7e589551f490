"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema here."""
    _agent_table()
    _event_table()
    _policy_table()
    _session_table()
    _session_indexes()
    _term_table()
    _slot_table()
    _session_slot()


def _agent_table() -> None:
    op.create_table(
        "agent",
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("agent", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("busy_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("app", "agent"),
    )


def _event_table() -> None:
    op.create_table(
        "event",
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("room", sa.String(), nullable=False),
        sa.Column("service", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("app", "id"),
    )
    op.create_index("event_by_age", "event", ["recorded_at"], unique=False)
    op.create_index(
        "event_of_room", "event", ["app", "room"], unique=False, postgresql_where=sa.text("kind = 'room_resolved'")
    )
    op.create_index(
        "event_of_service", "event", ["app", "service"], unique=False, postgresql_where=sa.text("service IS NOT NULL")
    )


def _policy_table() -> None:
    op.create_table(
        "policy",
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("spec", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("app", "version"),
    )


def _session_table() -> None:
    op.create_table(
        "session",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("room", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verify", sa.Boolean(), nullable=False),
        sa.Column("agent", sa.BigInteger(), nullable=True),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("policy_version", sa.Integer(), nullable=True),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unknown_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("avoid", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("resolve_seen", sa.Boolean(), nullable=False),
        sa.Column("again_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("previous", sa.BigInteger(), nullable=True),
        sa.Column("reopened", sa.Boolean(), nullable=False),
        sa.Column("ending", sa.String(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(state IN ('assigned', 'doubt', 'reserved', 'waiting')) = (ended_at IS NULL)",
            name="session_is_open_or_ended",
        ),
        sa.CheckConstraint(
            "(state NOT IN ('doubt', 'reserved')) OR (agent IS NOT NULL AND slot IS NOT NULL)",
            name="session_under_way_has_a_slot",
        ),
        sa.CheckConstraint(
            "slot IS NULL OR (agent IS NOT NULL AND state IN ('assigned', 'doubt', 'reserved'))",
            name="session_with_a_slot_is_under_way",
        ),
        sa.CheckConstraint(
            "state IN ('assigned', 'doubt', 'parked', 'reserved', 'resolved', 'waiting', 'withdrawn')",
            name="session_state_is_known",
        ),
        sa.PrimaryKeyConstraint("id"),
    )


def _session_indexes() -> None:
    op.create_index("session_due", "session", ["due_at"], unique=False, postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index(
        "session_ended", "session", ["app", "ended_at"], unique=False, postgresql_where=sa.text("ended_at IS NOT NULL")
    )
    op.create_index(
        "session_in_turn",
        "session",
        ["app", "lane", "waiting_since", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting' AND due_at IS NULL"),
    )
    op.create_index("session_of_room", "session", ["app", "room", "ended_at"], unique=False)
    op.create_index(
        "session_on_slot",
        "session",
        ["app", "agent", "slot"],
        unique=True,
        postgresql_where=sa.text("slot IS NOT NULL"),
    )
    op.create_index(
        "session_open_room",
        "session",
        ["app", "room"],
        unique=True,
        postgresql_where=sa.text("state IN ('assigned', 'doubt', 'reserved', 'waiting')"),
    )
    op.create_index(
        "session_to_check",
        "session",
        ["app", sa.literal_column("coalesce(checked_at, assigned_at)")],
        unique=False,
        postgresql_where=sa.text("state = 'assigned' AND due_at IS NULL"),
    )
    op.create_index(
        "session_unsettled", "session", ["id"], unique=False, postgresql_where=sa.text("state IN ('doubt', 'reserved')")
    )
    op.create_index(
        "session_waiting",
        "session",
        ["app", "waiting_since"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )


def _term_table() -> None:
    op.create_table(
        "term",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("leader", sa.String(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name="term_is_one_row"),
        sa.PrimaryKeyConstraint("id"),
    )


def _slot_table() -> None:
    op.create_table(
        "slot",
        sa.Column("app", sa.String(), nullable=False),
        sa.Column("agent", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("session", sa.UUID(), nullable=False),
        sa.CheckConstraint("number BETWEEN 1 AND capacity", name="slot_is_within_capacity"),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name="slot_has_a_session"),
        sa.PrimaryKeyConstraint("app", "agent", "number"),
    )
    op.create_index("slot_of_session", "slot", ["session"], unique=True)


def _session_slot() -> None:
    op.create_foreign_key(
        "session_slot_is_given",
        "session",
        "slot",
        ["app", "agent", "slot"],
        ["app", "agent", "number"],
        deferrable=True,
        initially="DEFERRED",
    )
