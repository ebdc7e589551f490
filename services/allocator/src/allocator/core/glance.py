"""What a leader sees of an app at a moment, for those who ask from outside: it is shown, and soon forgotten.

Everything here can be worked out again, and nothing is decided by it. Times are Unix seconds.
"""

from typing import Any

import msgspec


class AgentSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An agent of the rosters that were read last."""

    agent: int
    online: bool
    capacity: int
    foreign: int
    """Customers that are not ours."""
    lanes: tuple[str, ...]
    """Those whose rooms this agent may take."""


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """One app, as its leader sees it."""

    leader: str
    at: float
    platform: str | None
    """Why its platform is left alone; None: calls flow."""
    policy: int | None
    """The version in force; None: no plan was made yet."""
    paused: bool
    reasons: dict[str, str]
    """By lane: why the first who waits there does."""
    agents: tuple[AgentSeen, ...]


_decoder: msgspec.json.Decoder[Glance] = msgspec.json.Decoder(Glance)


def encode(glance: Glance) -> bytes:
    """As it is kept."""
    return msgspec.json.encode(glance)


def decode(data: bytes | None) -> Glance | None:
    """None: there is none, or one of another version."""
    if data is None:
        return None
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError:
        return None


def plain(glance: Glance) -> Any:
    """As mappings and lists."""
    return msgspec.to_builtins(glance)
