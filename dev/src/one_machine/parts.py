"""What is started: each process of ours with its command, its environment and how to see that it is ready."""

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from one_machine.addresses import Addresses, url
from one_machine.options import Options, Platform
from one_machine.ports import HOST

BIN = Path(sys.executable).parent
DATABASE = "antre"

# What a developer's shell may hold and would send the parts elsewhere.
NOT_INHERITED = {"DATABASE_URL", "DATABASE_URL_FILE", "REDIS_URL", "REDIS_URL_FILE", "ANTRE_APPS_FILE"}
NOT_INHERITED_PREFIXES = ("QISCUS_", "SIMULATOR_", "ANTRE_WEBHOOK_TOKENS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One process: `ready_url` answers 200 when it works, `metrics_url` tells how it is doing."""

    name: str
    command: tuple[str, ...]
    env: dict[str, str]
    ready_url: str
    metrics_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the parts must agree on."""

    options: Options
    addresses: Addresses
    platform: Platform
    database_url: str
    redis_url: str
    tokens: str
    policy_file: Path
    environ: Mapping[str, str]

    @property
    def allocate_url(self) -> str:
        """Where a customer who waits is announced."""
        return url(self.addresses.gateway, f"/allocate-agent/webhook/{self._token}")

    @property
    def resolve_url(self) -> str:
        """Where a conversation that ended is announced."""
        return url(self.addresses.gateway, f"/mark-as-solved/webhook/{self._token}")

    @property
    def _token(self) -> str:
        return self.tokens.split(",")[0].strip()


def simulated(app_id: str, addresses: Addresses) -> Platform:
    """The account that the simulator plays."""
    return Platform(base_url=url(addresses.simulator), app_id=app_id, secret_key=secrets.token_hex(8))


def gateway(setting: Setting) -> Part:
    """The way in."""
    ports = setting.addresses
    env = {
        "ANTRE_WEBHOOK_TOKENS": setting.tokens,
        "ANTRE_HTTP_HOST": HOST,
        "ANTRE_HTTP_PORT": str(ports.gateway),
        **_metrics(ports.gateway_metrics),
        "QISCUS_APP_ID": setting.platform.app_id,
        "REDIS_URL": setting.redis_url,
    }
    return Part(
        name="gateway",
        command=("webhook-gateway",),
        env=_environment(setting, env),
        ready_url=url(ports.gateway, "/readyz"),
        metrics_url=url(ports.gateway_metrics, "/metrics"),
    )


def allocators(setting: Setting) -> list[Part]:
    """The two that decide; one of them leads."""
    ports = (setting.addresses.allocator_1, setting.addresses.allocator_2)
    return [_allocator(setting, f"allocator-{number}", port) for number, port in enumerate(ports, 1)]


def _allocator(setting: Setting, name: str, port: int) -> Part:
    env = {
        "ANTRE_POLICY_FILE": str(setting.policy_file),
        "DATABASE_URL": setting.database_url,
        "QISCUS_APP_ID": setting.platform.app_id,
        "QISCUS_BASE_URL": setting.platform.base_url,
        "QISCUS_SECRET_KEY": setting.platform.secret_key,
        "REDIS_URL": setting.redis_url,
        **_metrics(port),
    }
    return Part(
        name=name,
        command=("allocator", "allocate"),
        env=_environment(setting, env),
        ready_url=url(port, "/readyz"),
        metrics_url=url(port, "/metrics"),
    )


def migration(setting: Setting) -> Part:
    """Brings the database to the schema of this checkout, and ends."""
    env = _environment(setting, {"DATABASE_URL": setting.database_url})
    return Part(name="migrate", command=("allocator", "migrate"), env=env, ready_url="", metrics_url=None)


def simulator(setting: Setting) -> Part:
    """The platform, played; no customers come until it is told."""
    options, port = setting.options, setting.addresses.simulator
    chosen = {
        "host": HOST,
        "port": port,
        "app": f"{setting.platform.app_id}:{setting.platform.secret_key}",
        "seed": options.seed,
        "agents": options.agents,
        "capacity": options.capacity,
        "allocate-url": setting.allocate_url,
        "resolve-url": setting.resolve_url,
        "customers-per-s": 0,
    }
    words = [word for name, value in chosen.items() for word in (f"--{name}", str(value))]
    return Part(
        name="simulator",
        command=("qiscus-simulator", *words),
        env=_environment(setting, {}),
        ready_url=url(port, "/simulator/state"),
        metrics_url=None,
    )


def policy_text(capacity: int) -> str:
    """The policy in its first form; the allocators notice when it is edited."""
    return (
        f"# Written by make run; edit it while it runs and the change is live within seconds.\n"
        f"capacity: {{default: {capacity}}}\n"
        f"paused: false\n"
        f"strategy: [leastLoaded, longestIdle]\n"
    )


def _metrics(port: int) -> dict[str, str]:
    return {"ANTRE_METRICS_HOST": HOST, "ANTRE_METRICS_PORT": str(port)}


def _environment(setting: Setting, own: Mapping[str, str]) -> dict[str, str]:
    # The rest is passed on, so that `ANTRE_LEASE_TTL_S=5 make run` does what it says.
    inherited = {
        name: value
        for name, value in setting.environ.items()
        if name not in NOT_INHERITED and not name.startswith(NOT_INHERITED_PREFIXES)
    }
    return {**inherited, "ANTRE_LOG_FORMAT": setting.environ.get("ANTRE_LOG_FORMAT", "text"), **own}
