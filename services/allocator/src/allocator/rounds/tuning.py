"""How a leader goes about its work. Seconds where a name ends in ``_s``."""

from collections.abc import Mapping
from dataclasses import dataclass

from allocator.core.ids import AppId
from allocator.core.lifecycle import Timing
from allocator.ports import Clock, Inbox, Ledger, Platform, PolicyDoor, Watch
from chassis.traces import Tracer


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """Values that the settings give, or that nobody needs to change."""

    timing: Timing
    sweep_s: float
    events_retained_s: float
    sessions_retained_s: float
    send_margin_s: float = 1.0
    """Trust must outlast a call by so much when the call starts."""
    tick_s: float = 1.0
    """How often an app in which somebody waits is looked at although nothing happened."""
    roster_trust_s: float = 2.0
    roster_refresh_s: float = 1.0
    """A roster is read anew from this age on, so that it is not missing when trust in it ends."""
    calls_max: int = 64
    """Assignments under way, for each app."""
    reads_max: int = 64
    """Rooms being read, for all apps."""
    events_max: int = 500
    """Events of one app that a round takes in."""
    due_max: int = 64
    audits_max: int = 100
    """Sessions that a sweep looks at again."""
    drain_s: float = 0.1
    """How long a leader that leaves waits for calls under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a leader works with."""

    inbox: Inbox
    ledger: Ledger
    platforms: Mapping[AppId, Platform]
    clock: Clock
    watch: Watch
    policies: PolicyDoor
    tuning: Tuning
    tracer: Tracer | None = None
    """None: nobody wants traces."""
