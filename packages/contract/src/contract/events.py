"""The two facts that come in: a customer waits in a room, a room was resolved.

An event cannot carry customer data: there is no field for a name, an address or a text, and the fields
there are refuse whatever does not look like an identifier (an e-mail has an ``@``, a name has a space).
"""

import os
import re
import time
from typing import NewType, TypeAlias

import msgspec

AppId = NewType("AppId", str)
"""One Qiscus account, e.g. ``demoo-a1b2c3d4e5f6g7h``."""

RoomId = NewType("RoomId", str)
"""One Qiscus conversation; digits, kept as text. It lives through many sessions."""

EventId = NewType("EventId", str)
"""A UUIDv7 in hexadecimal, made by the gateway. Recording is idempotent by it."""

_IDENTIFIER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,63}")
_EVENT_ID = re.compile(r"[0-9a-f]{32}")
_SOURCE = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_CHANNEL = re.compile(r"[0-9]{1,20}")
_LARGEST_SERVICE_ID = 2**63 - 1

_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

VERSION = "1.0"
VERSION_TRACED = "1.1"
"""An event that brings a trace; without one its bytes are those of 1.0."""


class _Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What both events say. Times are Unix milliseconds by the gateway's clock, for latency figures only:
    order is the order of the stream, which has one clock for all gateways.
    """

    v: str = VERSION
    id: EventId
    app: AppId
    room: RoomId
    received_ms: int

    def __post_init__(self) -> None:
        _require(_EVENT_ID, self.id, "id")
        _require(_IDENTIFIER, self.app, "app")
        _require(_IDENTIFIER, self.room, "room")
        if self.received_ms < 0:
            raise ValueError("received_ms is before 1970")


class RoomWaiting(_Fact, frozen=True, kw_only=True, tag="room_waiting"):
    """A customer wrote in ``room`` and no agent is in it. Comes again for every message until one is."""

    source: str
    """The kind of channel: ``wa``, ``line``, ``qiscus``, … or a custom channel's key; an open set."""
    channel: str | None = None
    """The channel's number where the platform names it (newer payloads do)."""
    previous: int | None = None
    """The platform's number of the room's last session that was resolved, where it names one. It tells a
    customer who came back from a webhook that comes late."""
    trace: str | msgspec.UnsetType = msgspec.UNSET
    """The trace parent (W3C Trace Context) that what becomes of it is shown under, where traces are on. A hint: one
    that cannot be read is none."""

    def __post_init__(self) -> None:
        _Fact.__post_init__(self)
        _require(_SOURCE, self.source, "source")
        _require_service(self.previous, "previous")
        if self.channel is not None:
            _require(_CHANNEL, self.channel, "channel")
        if self.trace is not msgspec.UNSET and _TRACE.fullmatch(self.trace) is None:
            msgspec.structs.force_setattr(self, "trace", msgspec.UNSET)


class RoomResolved(_Fact, frozen=True, kw_only=True, tag="room_resolved"):
    """A session in ``room`` came to its end, by whoever."""

    service: int | None = None
    """The platform's number of the session that ended: the natural key against a repeated webhook."""

    def __post_init__(self) -> None:
        _Fact.__post_init__(self)
        _require_service(self.service, "service")


Event: TypeAlias = RoomWaiting | RoomResolved


def traced(event: RoomWaiting, trace: str) -> RoomWaiting:
    """``event`` with the trace parent that it belongs to."""
    return msgspec.structs.replace(event, v=VERSION_TRACED, trace=trace)


def new_event_id() -> EventId:
    """A fresh UUIDv7 (RFC 9562) in hexadecimal: 48 bits of milliseconds, then chance."""
    milliseconds = time.time_ns() // 1_000_000
    chance = int.from_bytes(_chance())
    high = (milliseconds << 16) | 0x7000 | (chance >> 68)
    low = (0b10 << 62) | (chance & (1 << 62) - 1)
    return EventId(f"{high:016x}{low:016x}")


_CHANCE_BYTES = 10
_CHANCES_AT_ONCE = 256
_chances: list[bytes] = []
os.register_at_fork(after_in_child=_chances.clear)  # or parent and child would make the same ids


def _chance() -> bytes:
    """Chance from the kernel, each piece given out once. Asked for in blocks, because asking is what costs: so what the
    next ids will be lies in this process's memory. They are no secrets, only unlike all others.
    """
    while True:
        try:
            return _chances.pop()
        except IndexError:
            block = os.urandom(_CHANCE_BYTES * _CHANCES_AT_ONCE)
            _chances.extend(block[start : start + _CHANCE_BYTES] for start in range(0, len(block), _CHANCE_BYTES))


def is_app_id(text: str) -> bool:
    """Whether ``text`` can be the id of an app."""
    return _IDENTIFIER.fullmatch(text) is not None


def is_room_id(text: str) -> bool:
    """Whether ``text`` can be the id of a room."""
    return _IDENTIFIER.fullmatch(text) is not None


def is_source(text: str) -> bool:
    """Whether ``text`` can be the kind of a channel."""
    return _SOURCE.fullmatch(text) is not None


def is_channel(text: str) -> bool:
    """Whether ``text`` can be the number of a channel."""
    return _CHANNEL.fullmatch(text) is not None


def is_service(number: int) -> bool:
    """Whether ``number`` can be the platform's number of a session."""
    return 0 <= number <= _LARGEST_SERVICE_ID


def _require_service(number: int | None, field: str) -> None:
    if number is not None and not is_service(number):
        raise ValueError(f"{field} is not a number of a session")


def _require(pattern: re.Pattern[str], text: str, field: str) -> None:
    if pattern.fullmatch(text) is None:
        raise ValueError(f"{field} is not an identifier")
