"""The schema, as SQLModel has it. Migrations are made from here, and a test shows that they agree.

What a constraint can hold, a constraint holds: two open sessions for a room, two sessions on a slot, a slot
beyond the agent's capacity, a session under way without a slot: Postgres refuses them all.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from allocator.core.requests import BY_MAX
from allocator.core.session import OPEN, UNSETTLED, State


def _words(states: Any) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


_TIME = sa.DateTime(timezone=True)
_OPEN = f"state IN ({_words(OPEN)})"
_IN_TURN = f"state = '{State.WAITING}' AND due_at IS NULL"


class TermRow(SQLModel, table=True):
    """One row: the newest term. Every write of ours locks it for share."""

    __tablename__ = "term"
    __table_args__ = (sa.CheckConstraint("id = 1", name="term_is_one_row"),)

    id: int = Field(sa_column=sa.Column(sa.SmallInteger, primary_key=True, autoincrement=False))
    epoch: int = Field(sa_column=sa.Column(sa.BigInteger, nullable=False))
    leader: str = Field(sa_column=sa.Column(sa.String, nullable=False))
    began_at: datetime = Field(sa_column=sa.Column(_TIME, nullable=False))


class EventRow(SQLModel, table=True):
    """An event that was recorded: what makes recording idempotent. No customer data."""

    __tablename__ = "event"
    __table_args__ = (
        sa.Index("event_of_service", "app", "service", postgresql_where=sa.text("service IS NOT NULL")),
        sa.Index("event_of_room", "app", "room", postgresql_where=sa.text("kind = 'room_resolved'")),
        sa.Index("event_by_age", "recorded_at"),
    )

    app: str = Field(sa_column=sa.Column(sa.String, primary_key=True))
    id: UUID = Field(sa_column=sa.Column(sa.UUID(as_uuid=True), primary_key=True))
    kind: str = Field(sa_column=sa.Column(sa.String, nullable=False))
    room: str = Field(sa_column=sa.Column(sa.String, nullable=False))
    service: int | None = Field(sa_column=sa.Column(sa.BigInteger, nullable=True))
    accepted_at: datetime = Field(sa_column=sa.Column(_TIME, nullable=False))
    recorded_at: datetime = Field(sa_column=sa.Column(_TIME, nullable=False))
    epoch: int = Field(sa_column=sa.Column(sa.BigInteger, nullable=False))


class SessionRow(SQLModel, table=True):
    """``core.session.Session``, plus the epoch that wrote it last."""

    __tablename__ = "session"
    __table_args__ = (
        sa.CheckConstraint(f"state IN ({_words(State)})", name="session_state_is_known"),
        sa.CheckConstraint(
            f"(state NOT IN ({_words(UNSETTLED)})) OR (agent IS NOT NULL AND slot IS NOT NULL)",
            name="session_under_way_has_a_slot",
        ),
        sa.CheckConstraint(
            f"slot IS NULL OR (agent IS NOT NULL AND state IN ({_words(UNSETTLED | {State.ASSIGNED})}))",
            name="session_with_a_slot_is_under_way",
        ),
        sa.CheckConstraint(f"({_OPEN}) = (ended_at IS NULL)", name="session_is_open_or_ended"),
        sa.Index("session_open_room", "app", "room", unique=True, postgresql_where=sa.text(_OPEN)),
        sa.ForeignKeyConstraint(
            ["app", "agent", "slot"],
            ["slot.app", "slot.agent", "slot.number"],
            name="session_slot_is_given",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        sa.Index("session_on_slot", "app", "agent", "slot", unique=True, postgresql_where=sa.text("slot IS NOT NULL")),
        sa.Index("session_of_room", "app", "room", "ended_at"),
        sa.Index("session_in_turn", "app", "lane", "waiting_since", "id", postgresql_where=sa.text(_IN_TURN)),
        sa.Index("session_waiting", "app", "waiting_since", postgresql_where=sa.text(f"state = '{State.WAITING}'")),
        sa.Index("session_due", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")),
        sa.Index("session_unsettled", "id", postgresql_where=sa.text(f"state IN ({_words(UNSETTLED)})")),
        sa.Index(
            "session_to_check",
            "app",
            sa.text("coalesce(checked_at, assigned_at)"),
            postgresql_where=sa.text(f"state = '{State.ASSIGNED}' AND due_at IS NULL"),
        ),
        sa.Index("session_parked", "app", "ended_at", postgresql_where=sa.text(f"state = '{State.PARKED}'")),
        sa.Index("session_ended", "app", "ended_at", postgresql_where=sa.text("ended_at IS NOT NULL")),
    )

    id: UUID = Field(sa_column=sa.Column(sa.UUID(as_uuid=True), primary_key=True))
    app: str = Field(sa_column=sa.Column(sa.String, nullable=False))
    room: str = Field(sa_column=sa.Column(sa.String, nullable=False))
    lane: str = Field(sa_column=sa.Column(sa.String, nullable=False))
    state: str = Field(sa_column=sa.Column(sa.String, nullable=False))
    waiting_since: datetime = Field(sa_column=sa.Column(_TIME, nullable=False))
    due_at: datetime | None = Field(sa_column=sa.Column(_TIME, nullable=True))
    verify: bool = Field(sa_column=sa.Column(sa.Boolean, nullable=False))
    agent: int | None = Field(sa_column=sa.Column(sa.BigInteger, nullable=True))
    slot: int | None = Field(sa_column=sa.Column(sa.Integer, nullable=True))
    capacity: int | None = Field(sa_column=sa.Column(sa.Integer, nullable=True))
    policy_version: int | None = Field(sa_column=sa.Column(sa.Integer, nullable=True))
    reserved_at: datetime | None = Field(sa_column=sa.Column(_TIME, nullable=True))
    assigned_at: datetime | None = Field(sa_column=sa.Column(_TIME, nullable=True))
    ended_at: datetime | None = Field(sa_column=sa.Column(_TIME, nullable=True))
    checked_at: datetime | None = Field(sa_column=sa.Column(_TIME, nullable=True))
    unknown_at: datetime | None = Field(sa_column=sa.Column(_TIME, nullable=True))
    tries: int = Field(sa_column=sa.Column(sa.Integer, nullable=False))
    refusals: int = Field(sa_column=sa.Column(sa.Integer, nullable=False))
    avoid: list[int] = Field(sa_column=sa.Column(ARRAY(sa.BigInteger), nullable=False))
    resolve_seen: bool = Field(sa_column=sa.Column(sa.Boolean, nullable=False))
    again_at: datetime | None = Field(sa_column=sa.Column(_TIME, nullable=True))
    previous: int | None = Field(sa_column=sa.Column(sa.BigInteger, nullable=True))
    reopened: bool = Field(sa_column=sa.Column(sa.Boolean, nullable=False))
    ending: str | None = Field(sa_column=sa.Column(sa.String, nullable=True))
    trace: str | None = Field(sa_column=sa.Column(sa.String, nullable=True))
    epoch: int = Field(sa_column=sa.Column(sa.BigInteger, nullable=False))


class StepRow(SQLModel, table=True):
    """A step of a session's life, for whoever asks why (``core.steps``). Nothing is decided by these rows."""

    __tablename__ = "step"
    __table_args__ = (sa.Index("step_by_age", "at"),)

    app: str = Field(sa_column=sa.Column(sa.String, primary_key=True))
    room: str = Field(sa_column=sa.Column(sa.String, primary_key=True))
    session: UUID = Field(sa_column=sa.Column(sa.UUID(as_uuid=True), primary_key=True))
    at: datetime = Field(sa_column=sa.Column(_TIME, primary_key=True))
    what: str = Field(sa_column=sa.Column(sa.String, primary_key=True))
    why: str | None = Field(sa_column=sa.Column(sa.String, nullable=True))
    agent: int | None = Field(sa_column=sa.Column(sa.BigInteger, nullable=True))
    facts: dict[str, Any] = Field(sa_column=sa.Column(JSONB, nullable=False))
    epoch: int = Field(sa_column=sa.Column(sa.BigInteger, nullable=False))


class SlotRow(SQLModel, table=True):
    """One unit of an agent's capacity, occupied by one session. A free slot has no row."""

    __tablename__ = "slot"
    __table_args__ = (
        sa.CheckConstraint("number BETWEEN 1 AND capacity", name="slot_is_within_capacity"),
        sa.ForeignKeyConstraint(["session"], ["session.id"], name="slot_has_a_session"),
        sa.Index("slot_of_session", "session", unique=True),
    )

    app: str = Field(sa_column=sa.Column(sa.String, primary_key=True))
    agent: int = Field(sa_column=sa.Column(sa.BigInteger, primary_key=True, autoincrement=False))
    number: int = Field(sa_column=sa.Column(sa.Integer, primary_key=True, autoincrement=False))
    capacity: int = Field(sa_column=sa.Column(sa.Integer, nullable=False))
    session: UUID = Field(sa_column=sa.Column(sa.UUID(as_uuid=True), nullable=False))


class AgentRow(SQLModel, table=True):
    """When an agent was last given or freed of a customer: who has been idle longest."""

    __tablename__ = "agent"

    app: str = Field(sa_column=sa.Column(sa.String, primary_key=True))
    agent: int = Field(sa_column=sa.Column(sa.BigInteger, primary_key=True, autoincrement=False))
    busy_at: datetime = Field(sa_column=sa.Column(_TIME, nullable=False))


class PolicyRow(SQLModel, table=True):
    """A policy as it was given, for one app or (``*``) for every app that has none of its own. The newest of an app is
    in force, unless it is ``withdrawn``; then that of ``*`` is. Versions count up over the whole table.
    """

    __tablename__ = "policy"

    app: str = Field(sa_column=sa.Column(sa.String, primary_key=True))
    version: int = Field(sa_column=sa.Column(sa.Integer, primary_key=True, autoincrement=False))
    spec: dict[str, Any] = Field(sa_column=sa.Column(JSONB, nullable=False))
    digest: str = Field(sa_column=sa.Column(sa.String, nullable=False))
    given_at: datetime = Field(sa_column=sa.Column(_TIME, nullable=False))
    source: str = Field(sa_column=sa.Column(sa.String, nullable=False, server_default="file"))
    """``file``, or ``namespace/name`` of an object."""
    uid: str | None = Field(sa_column=sa.Column(sa.String, nullable=True))
    generation: int | None = Field(sa_column=sa.Column(sa.BigInteger, nullable=True))
    withdrawn: bool = Field(sa_column=sa.Column(sa.Boolean, nullable=False, server_default=sa.false()))


class PolicyInUseRow(SQLModel, table=True):
    """Which version the leader went by when it planned last: what it really uses, not what was given to it."""

    __tablename__ = "policy_in_use"

    app: str = Field(sa_column=sa.Column(sa.String, primary_key=True))
    version: int = Field(sa_column=sa.Column(sa.Integer, nullable=False))
    since: datetime = Field(sa_column=sa.Column(_TIME, nullable=False))
    epoch: int = Field(sa_column=sa.Column(sa.BigInteger, nullable=False))


class RequestRow(SQLModel, table=True):
    """What a person asked the leader for, and (from ``done_at`` on) what became of it (``core.requests``). Written by
    whoever asks, answered by the leader.
    """

    __tablename__ = "request"
    __table_args__ = (
        sa.CheckConstraint("(kind IN ('pause', 'resume')) = (room IS NULL)", name="request_is_of_room_or_app"),
        sa.CheckConstraint("(done_at IS NULL) = (outcome IS NULL)", name="request_is_open_or_answered"),
        sa.CheckConstraint(f"char_length(asked_by) BETWEEN 1 AND {BY_MAX}", name="request_names_who_asked"),
        sa.Index("request_open", "asked_at", "id", postgresql_where=sa.text("done_at IS NULL")),
        sa.Index("request_of_room", "app", "room", "asked_at"),
        sa.Index("request_by_age", "asked_at"),
    )

    id: UUID = Field(sa_column=sa.Column(sa.UUID(as_uuid=True), primary_key=True))
    app: str = Field(sa_column=sa.Column(sa.String, nullable=False))
    kind: str = Field(sa_column=sa.Column(sa.String, nullable=False))
    room: str | None = Field(sa_column=sa.Column(sa.String, nullable=True))
    asked_by: str = Field(sa_column=sa.Column(sa.String, nullable=False))
    asked_at: datetime = Field(sa_column=sa.Column(_TIME, nullable=False))
    done_at: datetime | None = Field(sa_column=sa.Column(_TIME, nullable=True))
    outcome: str | None = Field(sa_column=sa.Column(sa.String, nullable=True))
    """``done`` or ``refused``."""
    says: str | None = Field(sa_column=sa.Column(sa.String, nullable=True))
    epoch: int | None = Field(sa_column=sa.Column(sa.BigInteger, nullable=True))


class HaltRow(SQLModel, table=True):
    """An app that a person has paused. Without a row its policy alone decides."""

    __tablename__ = "halt"

    app: str = Field(sa_column=sa.Column(sa.String, primary_key=True))
    asked_by: str = Field(sa_column=sa.Column(sa.String, nullable=False))
    since: datetime = Field(sa_column=sa.Column(_TIME, nullable=False))
    epoch: int = Field(sa_column=sa.Column(sa.BigInteger, nullable=False))
