"""The allocator's ports in memory: fast, honest, and breakable on demand.

Each passes the same conformance suite as the real one (``tests/conformance``). Each has a :class:`Script`, which can
make any call fail before or after its effect, or stand still. On a :class:`VirtualLoop` a day takes a moment.
"""

from support.memory.clock import VirtualClock, VirtualLoop, virtually
from support.memory.inbox import MemoryInbox
from support.memory.lease import MemoryLease
from support.memory.ledger import MemoryLedger
from support.memory.others import MemoryPolicyDoor, MemoryWatch
from support.memory.platform import MemoryPlatform
from support.memory.script import Instead, Script

__all__ = [
    "Instead",
    "MemoryInbox",
    "MemoryLease",
    "MemoryLedger",
    "MemoryPlatform",
    "MemoryPolicyDoor",
    "MemoryWatch",
    "Script",
    "VirtualClock",
    "VirtualLoop",
    "virtually",
]
