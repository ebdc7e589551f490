"""What a system under test is made of: its sizes, its short durations, its parts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from support.network import Proxy

TTL_S = 4.0
SWEEP_S = 3.0
LAG_S = 1.5
QUARANTINE_S = 5.0
PATIENCE = float(os.environ.get("ANTRE_TEST_PATIENCE", "1"))
"""How many times longer than usual a scenario waits: for a machine that has much else to do."""
SLACK_S = 3.0 * PATIENCE
"""What a busy machine may add to any bound."""
DURATIONS = {
    "ANTRE_LEASE_TTL_S": str(TTL_S),
    "ANTRE_LEASE_RENEW_S": "0.5",
    "ANTRE_PLATFORM_TIMEOUT_S": "1",
    "ANTRE_PLATFORM_LAG_S": str(LAG_S),
    "ANTRE_QUARANTINE_S": str(QUARANTINE_S),
    "ANTRE_SWEEP_S": str(SWEEP_S),
    "ANTRE_DATABASE_TIMEOUT_S": "2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a system is made of, and how its customers and agents are."""

    seed: int = 1
    apps: int = 1
    gateways: int = 1
    allocators: int = 2
    agents: int = 8
    capacity: int = 2
    service_s: str = "0.3:1"
    strategy: str = "[leastLoaded, longestIdle]"
    proxied: bool = False
    """Each allocator reaches Redis, Postgres and the platform through proxies of its own."""
    hooked: bool = False
    """Each allocator is started by `support.hooked`, so that it can be stopped at chosen places."""
    simulator: Mapping[str, object] = field(default_factory=dict)
    """Further options of the simulator, as ``returning_share=0``."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Further environment of gateways and allocators."""

    @property
    def policy(self) -> str:
        """The policy file's text."""
        return policy(self.capacity, self.strategy)


def policy(capacity: int, strategy: str = "[leastLoaded, longestIdle]") -> str:
    """A policy file's text."""
    return f"capacity: {{default: {capacity}}}\nstrategy: {strategy}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A gateway or an allocator: how it is started, and where it tells of itself."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    port: int
    metrics_port: int
    proxies: Mapping[str, Proxy] = field(default_factory=dict)
