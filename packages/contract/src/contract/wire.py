"""The wire form of an event: one JSON object under one field of a stream entry.

JSON, because a person with ``XRANGE`` must be able to read the inbox at night. The version is
``major.minor``: a newer minor may add fields, which an older reader skips; a newer major is not read but put
aside, whole, for a reader that knows it.
"""

import msgspec

from contract.events import Event

ENTRY_FIELD = b"event"
"""The one field of a stream entry that carries the event."""

_MAJOR = "1"
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


class Unreadable(Exception):
    """These bytes are no event that this version knows. Says why, never what they were."""


def encode(event: Event) -> bytes:
    """The bytes of ``event``."""
    return _encoder.encode(event)


def decode(data: bytes) -> Event:
    """The event in ``data``. Raises :class:`Unreadable`, whose text quotes nothing of ``data``."""
    try:
        event = _decoder.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Unreadable(_reason(error)) from None
    if event.v.split(".", 1)[0] != _MAJOR:
        raise Unreadable("a newer major version")
    return event


def _reason(error: Exception) -> str:
    """A class of fault, not the library's text: that may quote values."""
    if isinstance(error, msgspec.ValidationError):
        return "not the fields of an event"
    return "not JSON"
