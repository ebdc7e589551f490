"""Ways to break the system, each with the alerts that it has to raise: all of them, and no other."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event, Thread

import httpx

from support.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """``how`` breaks the system and keeps it broken."""

    name: str
    how: Callable[[System], object]
    raises: tuple[str, ...]
    shape: Mapping[str, object] = field(default_factory=dict)
    settles_s: float = 0.0
    """Look only after so long: meanwhile others may be pending, for a moment."""


def _pause_leader(antre: System) -> None:
    antre.running[antre.leader()].pause()


def _pause_all(antre: System) -> None:
    for name in antre.allocators:
        antre.running[name].pause()


def _kill_all(antre: System) -> None:
    for name in antre.allocators:
        antre.kill(name)


def _answers(customers: int = 2, **faults: object) -> Callable[[System], None]:
    """The platform answers so, and customers come."""

    def how(antre: System) -> None:
        antre.faults(**faults)
        antre.customers(customers)

    return how


def _postgres_away(antre: System) -> None:
    antre.postgres.stop()
    antre.customers(2)


def _without_file(antre: System) -> None:
    antre.redis.execute("CONFIG", "SET", "appendonly", "no")


def _policy_refused(antre: System) -> None:
    antre.set_policy("capacity: {default: many}\n")


def _parked(antre: System) -> None:
    version = antre.total("antre_policy_version")
    antre.set_policy("capacity: {default: 0}\n")
    antre.must("nobody has a slot", lambda: antre.total("antre_policy_version") > version)
    (room,) = antre.customers(1)
    antre.platform.post(f"rooms/{room}", refuse=422)
    antre.set_policy(antre.shape.policy)


def _wrong_address(antre: System) -> None:
    """Somebody goes on sending webhooks to an address that is none."""
    address = antre.webhook(next(iter(antre.apps)), "allocate-agent") + "-of-old"
    ended = Event()

    def send() -> None:
        with httpx.Client(trust_env=False) as client:
            while not ended.is_set():
                try:
                    client.post(address, json={"room_id": "1"})
                except httpx.HTTPError:
                    return
                time.sleep(0.2)

    Thread(target=send, daemon=True).start()


CASES = (
    Broken(name="all is well", how=lambda antre: antre.customers(4), raises=()),
    Broken(name="the leader is frozen and the other takes over", how=_pause_leader, raises=(), settles_s=12.0),
    Broken(name="both allocators are frozen", how=_pause_all, raises=("AntreNobodyLeads",)),
    Broken(name="both allocators are dead", how=_kill_all, raises=("AntreNobodyLeads",)),
    Broken(name="the platform is down", how=_answers(error_5xx=1.0), raises=("AntrePlatformDown",)),
    Broken(name="the platform asks for a pause", how=_answers(too_many=1.0), raises=("AntrePlatformDown",)),
    Broken(
        name="the secret key is refused", how=_answers(unauthorized=1.0), raises=("AntrePlatformRefusesCredentials",)
    ),
    Broken(name="Redis has no append-only file", how=_without_file, raises=("AntreRedisNotDurable",)),
    Broken(name="Postgres is away", how=_postgres_away, raises=("AntreInboxGrows",), settles_s=14.0),
    Broken(name="a room is refused for good", how=_parked, raises=("AntreSessionsParked",)),
    Broken(name="the policy is refused", how=_policy_refused, raises=("AntrePolicyRejected",)),
    Broken(
        name="assigning is never answered", how=_answers(timeout_no_effect=1.0), raises=("AntreDoubtDoesNotSettle",)
    ),
    Broken(
        name="calls are so few and so slow that agents stay free",
        how=_answers(latency_s="0.5:0.5", customers=70),
        raises=("AntreBacklogThoughSlotsFree",),
        shape={"agents": 50, "env": {"ANTRE_CALLS_MAX": "1"}},
    ),
    Broken(name="webhooks go to an address of old", how=_wrong_address, raises=("AntreWebhooksRejected",)),
    Broken(
        name="the platform forgets to tell", how=_answers(webhook_lost_allocate=1.0), raises=("AntreWebhooksMissed",)
    ),
)
