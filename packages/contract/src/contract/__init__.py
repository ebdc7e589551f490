"""What the gateway and the allocator agree on: the events, their wire form, the Redis key names.

Neither service imports the other; this package is all that they share about the customers' way in.
"""

from contract.events import (
    AppId,
    Event,
    EventId,
    RoomId,
    RoomResolved,
    RoomWaiting,
    new_event_id,
)
from contract.keys import Keys
from contract.wire import ENTRY_FIELD, Unreadable, decode, encode

__all__ = [
    "ENTRY_FIELD",
    "AppId",
    "Event",
    "EventId",
    "Keys",
    "RoomId",
    "RoomResolved",
    "RoomWaiting",
    "Unreadable",
    "decode",
    "encode",
    "new_event_id",
]
