"""The names things go by. Rooms and apps are text, agents are numbers, sessions carry the id of the
event that opened them, so that an id is known before the row is.
"""

from typing import NewType

from contract import AppId, RoomId

SessionId = NewType("SessionId", str)
"""Hexadecimal UUIDv7 of the event that opened the session."""

AgentId = NewType("AgentId", int)
"""A person who serves customers, by the platform's number."""

Lane = NewType("Lane", str)
"""The class of sessions that the same agents could take: ``source`` or ``source:channel``."""

Epoch = NewType("Epoch", int)
"""The number of a term of leading. It only grows; every write carries it."""

__all__ = ["AgentId", "AppId", "Epoch", "Lane", "RoomId", "SessionId", "lane_of"]


def lane_of(source: str, channel: str | None) -> Lane:
    """The lane of a session that came in by ``source`` and, where the platform named it, ``channel``."""
    return Lane(source if channel is None else f"{source}:{channel}")


def parts_of(lane: Lane) -> tuple[str, str | None]:
    """The source and the channel of ``lane``."""
    source, _, channel = lane.partition(":")
    return source, channel or None
