"""The options of the command line, each also an environment variable ``SIMULATOR_<NAME>``.

A wrong value is a ValueError with one sentence: the option, the value, what is allowed.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from qiscus_simulator import __version__
from qiscus_simulator.calls import is_web_address
from qiscus_simulator.credentials import Credentials, credentials_in
from qiscus_simulator.faults import RATE_MAX, Faults, Span, span, with_changes
from qiscus_simulator.traffic import TrafficOptions

PREFIX: Final = "sim-"
SERVICE_MAX_S: Final = 86_400.0
PLATFORM_DOMAINS: Final = ("qiscus.com", "qiscus.io")
LEVELS: Final = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """All options, read and checked. ``apps`` maps app ids to secrets, in the order given."""

    host: str
    port: int
    apps: dict[str, str]
    seed: int
    agents: int
    capacity: int
    allocate_url: str
    resolve_url: str
    customers_per_s: float
    service_s: Span
    traffic: TrafficOptions
    webhook_retries: int
    fewer_channels: int
    faults: Faults
    log_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    name: str
    default: str
    read: Callable[[str, str], Any]
    help: str
    repeatable: bool

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        return f"SIMULATOR_{self.name.upper()}"


def read_options(arguments: Sequence[str], environ: Mapping[str, str]) -> Options:
    """Read the command line and the environment; the command line wins. Raises ValueError with a sentence."""
    refuse_production(environ)
    given = vars(_parser().parse_args(arguments))
    values: dict[str, Any] = {option.name: _value(option, given[option.name], environ) for option in OPTIONS}
    traffic = TrafficOptions(
        returning_share=values.pop("returning_share"),
        doubled_share=values.pop("doubled_share"),
        chatter_s=values.pop("chatter_s"),
    )
    apps, faults, credentials = values.pop("app"), values.pop("fault"), values.pop("credentials")
    if credentials:
        if given["app"] or environ.get("SIMULATOR_APP"):
            raise ValueError("--app and --credentials are both given; allowed: one of them")
        apps = {_app_id("--credentials", credentials.app_id, credentials.secret_key): credentials.secret_key}
        addresses = ("allocate_url", "resolve_url")
        values |= {name: _url("--credentials", credentials.address(values[name])) for name in addresses}
    return Options(**values, apps=apps, faults=faults, traffic=traffic)


def refuse_production(environ: Mapping[str, str]) -> None:
    """Refuse to start beside production credentials: a simulator never runs near them."""
    app_id = environ.get("QISCUS_APP_ID", "")
    if app_id and not app_id.startswith(PREFIX):
        raise ValueError(f"QISCUS_APP_ID is set to an app that does not start with '{PREFIX}': not near production")
    host = _host(environ.get("QISCUS_BASE_URL", ""))
    if any(host == domain or host.endswith(f".{domain}") for domain in PLATFORM_DOMAINS):
        raise ValueError(f"QISCUS_BASE_URL names {host}, the real platform: not near production")


def _host(url: str) -> str:
    try:
        return (urlsplit(url if "//" in url else f"//{url}").hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qiscus-simulator",
        description="A stand-in for Qiscus Omnichannel, with faults on demand and the record of truth.",
        epilog="Every option is also an environment variable SIMULATOR_<NAME>; repeatable ones take commas there.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    for option in OPTIONS:
        action = "append" if option.repeatable else "store"
        shown = option.default or "none"
        parser.add_argument(
            option.flag, dest=option.name, action=action, metavar="VALUE", help=f"{option.help} (default: {shown})"
        )
    return parser


def _value(option: _Option, given: str | list[str] | None, environ: Mapping[str, str]) -> object:
    text = ",".join(given) if isinstance(given, list) else given
    if text is not None:
        return option.read(option.flag, text)
    return option.read(option.variable, environ.get(option.variable) or option.default)


def _whole(least: int, most: int, flag: str, text: str) -> int:
    if not (text.isdecimal() and text.isascii() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise ValueError(f"{flag} is '{text}'; allowed: a whole number from {least} to {most}")
    return int(text)


def _number(most: float, flag: str, text: str) -> float:
    return span(flag, [text], most)[0]


def _span(flag: str, text: str) -> Span:
    return span(flag, text, SERVICE_MAX_S)


def _url(flag: str, text: str) -> str:
    if text and not is_web_address(text):
        raise ValueError(f"{flag} is '{text}'; allowed: an http or https address")
    return text


def _text(flag: str, text: str) -> str:
    if not text:
        raise ValueError(f"{flag} is empty; allowed: a host name or address")
    return text


def _level(flag: str, text: str) -> str:
    if text.lower() not in LEVELS:
        raise ValueError(f"{flag} is '{text}'; allowed: {', '.join(LEVELS)}")
    return text.upper()


def _apps(flag: str, text: str) -> dict[str, str]:
    apps: dict[str, str] = {}
    for part in text.split(","):
        app_id, _, secret = part.strip().partition(":")
        if app_id in apps:
            raise ValueError(f"{flag} names app '{app_id}' twice; allowed: each app once")
        apps[_app_id(flag, app_id, secret)] = secret
    return apps


def _app_id(flag: str, app_id: str, secret: str) -> str:
    if not app_id.startswith(PREFIX) or not secret:
        raise ValueError(f"{flag} names app '{app_id}'; allowed: {PREFIX}<name>:<secret>, only {PREFIX} apps")
    return app_id


def _credentials(flag: str, text: str) -> Credentials | None:
    try:
        return credentials_in(Path(text)) if text else None
    except ValueError as wrong:
        raise ValueError(f"{flag} is '{text}': {wrong}; allowed: a folder with app-id and secret-key") from None


def _faults(flag: str, text: str) -> Faults:
    changes: dict[str, Any] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{flag} is '{part}'; allowed: name=value")
        changes[name] = value
    try:
        return with_changes(Faults(), changes)
    except ValueError as wrong:
        raise ValueError(f"{flag}: {wrong}") from None


def _option(name: str, default: str, read: Callable[[str, str], Any], text: str, *, many: bool = False) -> _Option:
    return _Option(name=name, default=default, read=read, help=text, repeatable=many)


OPTIONS: Final = (
    _option("host", "127.0.0.1", _text, "address to listen on"),
    _option("port", "8090", partial(_whole, 0, 65_535), "port to listen on; 0 takes a free one"),
    _option("app", "sim-demo:secret", _apps, "an app as sim-<name>:<secret>; repeatable", many=True),
    _option("credentials", "", _credentials, "instead: a folder with app-id, secret-key, webhook-tokens"),
    _option("seed", "1", partial(_whole, 0, 2**63 - 1), "where all chance comes from"),
    _option("agents", "10", partial(_whole, 1, 5_000), "ordinary agents per app, besides a supervisor and an admin"),
    _option("capacity", "2", partial(_whole, 0, 1_000), "sessions an agent can carry; only the checker knows it"),
    _option("allocate_url", "", _url, "where allocation webhooks go"),
    _option("resolve_url", "", _url, "where resolve webhooks go"),
    _option("customers_per_s", "0", partial(_number, RATE_MAX), "customers that arrive a second, per app"),
    _option("service_s", "1.5:4", _span, "seconds an agent talks, min:max"),
    _option("returning_share", "0.2", partial(_number, 1.0), "share of customers who come back to an old room"),
    _option("doubled_share", "0.1", partial(_number, 1.0), "share of first webhooks that come twice"),
    _option("chatter_s", "4:8", _span, "seconds after which a waiting customer writes again, min:max; 0 never"),
    _option("webhook_retries", "0", partial(_whole, 0, 10), "further tries for a webhook not answered with 2xx"),
    _option("fewer_channels", "0", partial(_whole, 0, 5_000), "agents that serve only some of the channels"),
    _option("fault", "", _faults, "a fault at start as name=value; repeatable", many=True),
    _option("log_level", "info", _level, "debug, info, warning or error"),
)
