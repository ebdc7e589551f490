"""What can be set from outside, checked at the start."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chassis import logs
from chassis.settings import SettingError, flag, load, one_of, optional, path, redis_url, seconds, setting, text, whole
from chassis.traces import endpoint_setting, headers_setting
from contract.apps import App, AppsError, apps_from_file, one_app

_PORTS = whole(1, 65_535)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The gateway's settings; durations in seconds."""

    redis_url: str = setting(
        "REDIS_URL",
        redis_url(),
        default="redis://127.0.0.1:6379/0",
        doc="the Redis or Valkey that carries the events, one server (no sentinel or cluster form yet)",
        secret=True,
    )
    app_id: str | None = setting(
        "QISCUS_APP_ID", optional(text("the id of an app")), default="", doc="the app, where there is only one"
    )
    tokens: str = setting(
        "ANTRE_WEBHOOK_TOKENS",
        text("one or two tokens with a comma between them"),
        default="",
        doc="the secrets in the webhooks' paths, comma separated: the new and the old one; none: the bare paths work",
        secret=True,
    )
    apps_file: Path | None = setting(  # noqa: RUF009 - a declaration, like the others
        "ANTRE_APPS_FILE", optional(path()), default="", doc="a TOML file with several apps, instead of QISCUS_APP_ID"
    )
    http_host: str = setting("ANTRE_HTTP_HOST", text("an address"), default="0.0.0.0", doc="where webhooks come in")  # noqa: S104 - a container's way in
    http_port: int = setting("ANTRE_HTTP_PORT", _PORTS, default="8080", doc="the port that webhooks come in by")
    metrics_host: str = setting("ANTRE_METRICS_HOST", text("an address"), default="0.0.0.0", doc="where /metrics is")  # noqa: S104 - a container's way in
    metrics_port: int = setting("ANTRE_METRICS_PORT", _PORTS, default="9090", doc="the port of /metrics")
    redis_prefix: str = setting(
        "ANTRE_REDIS_PREFIX", text("a text"), default="antre", doc="how all keys in Redis begin"
    )
    require_durable_redis: bool = setting(
        "ANTRE_REQUIRE_DURABLE_REDIS",
        flag(),
        default="false",
        doc="refuse to start, and later answer 503, when Redis may lose what it acknowledged; false: warn",
    )
    batch_max: int = setting(
        "ANTRE_BATCH_MAX", whole(1, 5_000), default="500", doc="the most events written to Redis in one command"
    )
    pending_max: int = setting(
        "ANTRE_PENDING_MAX",
        whole(1, 1_000_000),
        default="10000",
        doc="the most events that wait to be written; beyond them the answer is 503",
    )
    publish_timeout_s: float = setting(
        "ANTRE_PUBLISH_TIMEOUT_S",
        seconds(0.05, 0.95),
        default="0.9",
        doc="how long a webhook waits for Redis before the answer is 503",
    )
    body_timeout_s: float = setting(
        "ANTRE_BODY_TIMEOUT_S", seconds(0.1, 60), default="10", doc="how long a webhook's body may take to come in"
    )
    otlp_endpoint: str | None = endpoint_setting()
    otlp_headers: Mapping[str, str] = headers_setting()
    keep_alive_s: int = setting(
        "ANTRE_KEEP_ALIVE_S",
        whole(1, 7_200),
        default="75",
        doc="for how many seconds a connection is kept that nothing comes on; longer than a proxy in front keeps its "
        "own, or it may send a webhook on one that is just being closed",
    )
    log_format: str = setting(
        "ANTRE_LOG_FORMAT", one_of(*logs.FORMATS), default="json", doc="logs for machines or for people"
    )
    log_level: str = setting(
        "ANTRE_LOG_LEVEL", one_of(*logs.LEVELS), default="info", doc="debug also tells of every accepted webhook"
    )


def read(environ: Mapping[str, str]) -> tuple[Settings, tuple[App, ...]]:
    """The settings and the apps they name. Raises :class:`SettingError`."""
    settings = load(Settings, environ)
    if settings.batch_max > settings.pending_max:
        raise SettingError(
            f"ANTRE_BATCH_MAX is {settings.batch_max}, more than the {settings.pending_max} of ANTRE_PENDING_MAX: "
            "allowed is at most as many"
        )
    try:
        return settings, _apps(settings)
    except AppsError as error:
        raise SettingError(str(error)) from None


def _apps(settings: Settings) -> tuple[App, ...]:
    match settings.app_id, settings.apps_file:
        case None, None:
            raise SettingError("QISCUS_APP_ID is not set: an app's id, or ANTRE_APPS_FILE with several, is needed")
        case str() as app_id, None:
            return (one_app(app_id, None, settings.tokens),)
        case None, Path() as apps_file if not settings.tokens:
            return apps_from_file(apps_file)
        case None, _:
            raise SettingError(
                "ANTRE_WEBHOOK_TOKENS and ANTRE_APPS_FILE are both set: the tokens of a file's apps belong in it"
            )
    raise SettingError("QISCUS_APP_ID and ANTRE_APPS_FILE are both set: only one of them is allowed")
