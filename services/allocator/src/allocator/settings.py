"""The allocator's settings: all of them, from the environment, checked alone and against each other."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chassis.logs import FORMATS, LEVELS
from chassis.settings import (
    SettingError,
    flag,
    load,
    one_of,
    optional,
    path,
    redis_url,
    seconds,
    setting,
    text,
    url,
    whole,
)
from chassis.traces import endpoint_setting, headers_setting
from contract import AppId
from contract.apps import App, AppsError, apps_from_file, one_app

LEASE_MARGIN_S = 1.0
SEND_MARGIN_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """What ``allocator migrate`` needs."""

    database_url: str = setting(
        "DATABASE_URL", url("postgresql"), secret=True, doc="where Postgres is; `?sslmode=` is honoured"
    )
    log_format: str = setting("ANTRE_LOG_FORMAT", one_of(*FORMATS), default="json", doc="how log lines look")
    log_level: str = setting("ANTRE_LOG_LEVEL", one_of(*LEVELS), default="info", doc="from which level on")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSettings(DatabaseSettings):
    """What ``allocator operate`` needs."""

    watch_namespace: str | None = setting(
        "ANTRE_WATCH_NAMESPACE",
        optional(text("a namespace, or *")),
        default="",
        doc="whose AllocationPolicy objects count; `*`: those of all namespaces; if not set: the operator's own",
    )
    metrics_host: str = setting(
        "ANTRE_METRICS_HOST",
        text("an address"),
        default="0.0.0.0",  # noqa: S104 - in a container nobody else listens
        doc="where metrics and health listen",
    )
    metrics_port: int = setting(
        "ANTRE_METRICS_PORT", whole(1, 65_535), default="9090", doc="the port of `/metrics`, `/livez` and `/readyz`"
    )
    database_timeout_s: float = setting(
        "ANTRE_DATABASE_TIMEOUT_S", seconds(0.5, 60), default="3", doc="after how long a statement is given up"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(DatabaseSettings):
    """What ``allocator allocate`` needs."""

    redis_url: str = setting(
        "REDIS_URL", redis_url(), default="redis://127.0.0.1:6379/0", secret=True, doc="where Redis is"
    )
    redis_prefix: str = setting("ANTRE_REDIS_PREFIX", text(), default="antre", doc="what our keys in Redis begin with")
    require_durable_redis: bool = setting(
        "ANTRE_REQUIRE_DURABLE_REDIS",
        flag(),
        default="false",
        doc="refuse to start, and later be not ready, when Redis may lose what it acknowledged; false: warn",
    )
    require_durable_postgres: bool = setting(
        "ANTRE_REQUIRE_DURABLE_POSTGRES",
        flag(),
        default="false",
        doc="the same for what Postgres committed",
    )
    base_url: str = setting(
        "QISCUS_BASE_URL",
        url("http", "https"),
        default="https://omnichannel.qiscus.com",
        doc="where the platform's API is",
    )
    app_id: str | None = setting(
        "QISCUS_APP_ID", optional(text("an app id")), default="", doc="the app, where there is one"
    )
    secret_key: str | None = setting(
        "QISCUS_SECRET_KEY", optional(text("a secret key")), default="", secret=True, doc="its secret key"
    )
    apps_file: Path | None = setting(  # noqa: RUF009 - a declaration, like the others
        "ANTRE_APPS_FILE", optional(path()), default="", doc="a TOML file of several apps, instead"
    )
    policy_file: Path | None = setting(  # noqa: RUF009 - a declaration, like the others
        "ANTRE_POLICY_FILE",
        optional(path()),
        default="",
        doc="a YAML file with the policy; read again when it changes",
    )
    metrics_host: str = setting(
        "ANTRE_METRICS_HOST",
        text("an address"),
        default="0.0.0.0",  # noqa: S104 - in a container nobody else listens
        doc="where metrics and health listen",
    )
    metrics_port: int = setting(
        "ANTRE_METRICS_PORT", whole(1, 65_535), default="9090", doc="the port of `/metrics`, `/livez` and `/readyz`"
    )
    lease_ttl_s: float = setting(
        "ANTRE_LEASE_TTL_S", seconds(3, 300), default="10", doc="how long a lease lasts that is not renewed"
    )
    lease_renew_s: float = setting(
        "ANTRE_LEASE_RENEW_S", seconds(0.2, 100), default="2", doc="how often the leader renews it"
    )
    platform_timeout_s: float = setting(
        "ANTRE_PLATFORM_TIMEOUT_S", seconds(0.5, 60), default="4", doc="after how long a platform call is given up"
    )
    platform_lag_s: float = setting(
        "ANTRE_PLATFORM_LAG_S",
        seconds(0, 60),
        default="3",
        doc="by how much what the platform shows may be late",
    )
    quarantine_s: float = setting(
        "ANTRE_QUARANTINE_S",
        seconds(1, 600),
        default="30",
        doc="how long a request that was given up may still take effect; room and slot are held so long",
    )
    sweep_s: float = setting(
        "ANTRE_SWEEP_S", seconds(1, 3600), default="60", doc="how often our ledger is compared with the platform"
    )
    calls_max: int = setting(
        "ANTRE_CALLS_MAX", whole(1, 512), default="64", doc="assign calls under way at once, for each app"
    )
    database_timeout_s: float = setting(
        "ANTRE_DATABASE_TIMEOUT_S", seconds(0.5, 60), default="3", doc="after how long a statement is given up"
    )
    retention_days: int = setting(
        "ANTRE_RETENTION_DAYS",
        whole(1, 3650),
        default="30",
        doc="for how many days ended sessions are kept, and what was written down of why they went as they did",
    )
    otlp_endpoint: str | None = endpoint_setting()
    otlp_headers: Mapping[str, str] = headers_setting()
    name: str = setting(
        "ANTRE_INSTANCE",
        optional(text("a name")),
        default="",
        doc="what this allocator is called; its host's name if not set",
    )


def settings_from(environ: Mapping[str, str]) -> Settings:
    """The settings in ``environ``. Raises :class:`~chassis.settings.SettingError`."""
    settings = load(Settings, environ)
    _check_durations(settings)
    return settings


def apps_of(settings: Settings) -> tuple[App, ...]:
    """The apps that are served, each with its secret key. Raises :class:`~chassis.settings.SettingError`."""
    if (settings.app_id is None) == (settings.apps_file is None):
        raise SettingError("one of QISCUS_APP_ID and ANTRE_APPS_FILE must be set, to say which apps are served")
    try:
        if settings.apps_file is not None:
            apps = apps_from_file(settings.apps_file)
        else:
            apps = (one_app(settings.app_id or "", settings.secret_key, ""),)
    except AppsError as error:
        raise SettingError(str(error)) from None
    _check_secrets(settings, apps)
    return apps


def app_ids_of(settings: Settings) -> tuple[AppId, ...]:
    """The ids of the apps that are named, for those who only ask; none: nobody said. Raises as :func:`apps_of`."""
    try:
        if settings.apps_file is not None:
            return tuple(app.id for app in apps_from_file(settings.apps_file))
        return () if settings.app_id is None else (one_app(settings.app_id, None, "").id,)
    except AppsError as error:
        raise SettingError(str(error)) from None


def owner_of(settings: Settings) -> str:
    """A name for this process that no other ever has."""
    name = settings.name or socket.gethostname()
    return f"{name}-{os.getpid()}-{os.urandom(4).hex()}"


def _check_secrets(settings: Settings, apps: tuple[App, ...]) -> None:
    for app in apps:
        if not app.secret_key:
            where = "QISCUS_SECRET_KEY is not set" if settings.apps_file is None else f"app {app.id} has no secret_key"
            raise SettingError(f"{where}: without it the platform's API cannot be called")


def _check_durations(settings: Settings) -> None:
    """Durations that contradict each other would break promises silently; they are refused loudly."""
    sure_s = settings.lease_ttl_s - LEASE_MARGIN_S - settings.lease_renew_s
    needed_s = settings.platform_timeout_s + SEND_MARGIN_S
    if sure_s < needed_s:
        raise SettingError(
            f"ANTRE_LEASE_TTL_S is {settings.lease_ttl_s:g}, too short: less a margin of {LEASE_MARGIN_S:g} and "
            f"ANTRE_LEASE_RENEW_S ({settings.lease_renew_s:g}) it leaves {sure_s:g} s, and a platform call needs "
            f"ANTRE_PLATFORM_TIMEOUT_S ({settings.platform_timeout_s:g}) and {SEND_MARGIN_S:g} s"
        )
    if settings.quarantine_s < 2 * settings.platform_timeout_s:
        raise SettingError(
            f"ANTRE_QUARANTINE_S is {settings.quarantine_s:g}: allowed is at least twice ANTRE_PLATFORM_TIMEOUT_S "
            f"({settings.platform_timeout_s:g})"
        )
