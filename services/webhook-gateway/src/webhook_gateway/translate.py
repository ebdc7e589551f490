"""The platform's JSON to our events. The only place that knows the platform's field names.

Decodes narrow structs, so that names, addresses and messages are not even read into objects. What the platform may
add is ignored; what we do read must be of its type. Facts about the payloads: docs of the platform, and the recorded
samples in tests/fixtures/webhooks.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, TypeVar

import msgspec

from contract import AppId, Event, EventId, RoomId, RoomResolved, RoomWaiting
from contract.events import is_channel, is_room_id, is_source

T = TypeVar("T")

UNKNOWN_SOURCE = "unknown"
_LARGEST_NUMBER = 2**63 - 1
_DEPTH_MAX = 64
_DIGITS = re.compile("[0-9]{1,19}")
_ABSENT = msgspec.Raw(b"null")


class Fault(StrEnum):
    """What is wrong with a body; the words are part of the answer's ``type``."""

    NOT_JSON = "not-json"
    WRONG_SHAPE = "wrong-shape"
    NO_ROOM_ID = "no-room-id"
    BAD_ROOM_ID = "bad-room-id"
    WRONG_APP = "wrong-app"
    ANOTHER_WEBHOOK = "another-webhook"


@dataclass(frozen=True, slots=True)
class Rejected:
    """No event can be made of this body, now or later."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Ignored:
    """All is well with this body, and there is nothing to do."""


class Stamp(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What we add to a webhook: which app it is for, the event's id, the time received (Unix milliseconds)."""

    app: AppId
    id: EventId
    received_ms: int


Fact: TypeAlias = Event | Rejected | Ignored
Translate: TypeAlias = Callable[[bytes, Stamp], Fact]


def allocation(body: bytes, stamp: Stamp) -> Fact:
    """A customer waits. ``is_resolved`` speaks of the session before, so it is not read at all."""
    webhook = _decode(body, _allocation_decoder)
    if isinstance(webhook, Fault):
        return Rejected(webhook)
    if _is_for_another(stamp.app, webhook.app_id, webhook.app_code):
        return Rejected(Fault.WRONG_APP)
    if webhook.agent is not _ABSENT and webhook.app_id is webhook.app_code is None:
        return Rejected(Fault.ANOTHER_WEBHOOK)  # a Custom Button: it has a room, but an agent pressed it
    room = _room(webhook.room_id)
    if isinstance(room, Fault):
        return Rejected(room)
    source, channel = _source(webhook.source), _channel(webhook.channel)
    return RoomWaiting(
        id=stamp.id,
        app=stamp.app,
        room=room,
        received_ms=stamp.received_ms,
        source=source,
        channel=channel,
        previous=_previous(webhook.latest_service),
    )


def resolve(body: bytes, stamp: Stamp) -> Fact:
    """A session ended. Who resolved it is not read: often it is not the agent who served."""
    webhook = _decode(body, _resolve_decoder)
    if isinstance(webhook, Fault):
        return Rejected(webhook)
    if _is_for_another(stamp.app, webhook.app_id, webhook.app_code):
        return Rejected(Fault.WRONG_APP)
    if webhook.service is None:
        return Rejected(Fault.NO_ROOM_ID)
    room, service = _room(webhook.service.room_id), _service(webhook.service.id)
    if isinstance(room, Fault):
        return Rejected(room)
    if isinstance(service, Fault):
        return Rejected(service)
    if webhook.service.is_resolved is False:
        return Ignored()
    return RoomResolved(id=stamp.id, app=stamp.app, room=room, received_ms=stamp.received_ms, service=service)


class _Allocation(msgspec.Struct, gc=False):
    room_id: str | int | None = None
    app_id: str | None = None
    app_code: str | None = None
    source: msgspec.Raw = _ABSENT
    channel: msgspec.Raw = _ABSENT
    agent: msgspec.Raw = _ABSENT
    latest_service: msgspec.Raw = _ABSENT


class _Service(msgspec.Struct, gc=False):
    room_id: str | int | None = None
    id: str | int | None = None
    is_resolved: bool | None = None


class _Resolve(msgspec.Struct, gc=False):
    service: _Service | None = None
    app_id: str | None = None
    app_code: str | None = None


class _Channel(msgspec.Struct, gc=False):
    id: str | int | None = None


_allocation_decoder = msgspec.json.Decoder(_Allocation)
_resolve_decoder = msgspec.json.Decoder(_Resolve)
_service_decoder = msgspec.json.Decoder(_Service)
_channel_decoder = msgspec.json.Decoder(_Channel)
_text_decoder = msgspec.json.Decoder(str)


def _decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T | Fault:
    try:
        body.decode()  # the decoder skips over what it does not want, without looking at its bytes
        if _is_deep(body):
            return Fault.NOT_JSON
        return _decode_leniently(body, decoder)
    except msgspec.ValidationError:
        return Fault.WRONG_SHAPE
    except (ValueError, RecursionError):  # DecodeError and UnicodeDecodeError are ValueErrors
        return Fault.NOT_JSON


def _decode_leniently(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    r"""Half a character (``\ud83d`` alone: an emoji that somebody cut in two) is no reason to lose a customer."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        mended = _SURROGATE.sub(_mend, body)
        if mended == body:
            raise
        return decoder.decode(mended)


_SURROGATE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def _mend(match: re.Match[bytes]) -> bytes:
    return match[0] if match[1] is None else rb"\ufffd"


_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def _is_deep(body: bytes) -> bool:
    """Whether ``body`` nests deeper than anything honest. How deep the decoder itself can go differs by Python."""
    if body.count(b"[") + body.count(b"{") <= _DEPTH_MAX:
        return False
    depth = 0
    for match in _TOKENS.finditer(body):
        sign = match[0]
        depth += (sign in b"[{") - (sign in b"]}")
        if depth > _DEPTH_MAX:
            return True
    return False


def _is_for_another(app: AppId, app_id: str | None, app_code: str | None) -> bool:
    return not (app_id is None or app_id == app) or not (app_code is None or app_code == app)


def _room(value: str | int | None) -> RoomId | Fault:
    if value is None or value == "":
        return Fault.NO_ROOM_ID
    if isinstance(value, int) and not 0 <= value <= _LARGEST_NUMBER:
        return Fault.BAD_ROOM_ID
    text = str(value)
    return RoomId(text) if is_room_id(text) else Fault.BAD_ROOM_ID


def _service(value: str | int | None) -> int | Fault | None:
    if isinstance(value, str):
        value = int(value) if _DIGITS.fullmatch(value) else -1
    if value is None or 0 <= value <= _LARGEST_NUMBER:
        return value
    return Fault.WRONG_SHAPE


def _previous(raw: msgspec.Raw) -> int | None:
    """The number of the session before, if it is over. A hint: one that cannot be read is none."""
    if raw is _ABSENT:
        return None
    try:
        latest = _service_decoder.decode(raw)
    except (ValueError, RecursionError):
        return None
    number = _service(latest.id) if latest.is_resolved is True else None
    return None if isinstance(number, Fault) else number


def _source(raw: msgspec.Raw) -> str:
    """The kind of channel; an open set, so one that we cannot name is no reason to leave a customer waiting."""
    if raw is _ABSENT:
        return UNKNOWN_SOURCE
    try:
        text = _text_decoder.decode(raw).lower()
    except (ValueError, RecursionError):
        return UNKNOWN_SOURCE
    return text if is_source(text) else UNKNOWN_SOURCE


def _channel(raw: msgspec.Raw) -> str | None:
    if raw is _ABSENT:
        return None
    try:
        number = _channel_decoder.decode(raw).id
    except (ValueError, RecursionError):
        return None
    text = str(number)
    return text if is_channel(text) else None
