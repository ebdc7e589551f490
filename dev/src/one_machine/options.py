"""What the person who starts the system may choose, and whether it makes sense.

Each choice is an option of `one-machine` and a word of `make run`; an empty value means the default.
A wrong one is an `OptionError` whose one sentence names it, its value and what is allowed.
"""

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

N = TypeVar("N", int, float)

REAL_BASE_URL = "https://omnichannel.qiscus.com"


class OptionError(ValueError):
    """A choice that cannot be followed; the text is for the person who made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The account on the real platform; without one there is a simulator."""

    base_url: str
    app_id: str
    secret_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """All choices. `for_s` is how long customers come, in seconds; `None`: until Ctrl-C."""

    for_s: float | None
    customers_per_s: float
    agents: int
    capacity: int
    seed: int
    data: Path
    platform: Platform | None


def read_options(arguments: Sequence[str], environ: Mapping[str, str]) -> Options:
    """Read the command line and the environment. Raises `OptionError`."""
    given = _parser().parse_args(arguments)
    return Options(
        for_s=_number("FOR", given.for_s, 1, 86_400) if given.for_s else None,
        customers_per_s=_number("CUSTOMERS_PER_S", given.customers_per_s or "8", 0, 1_000),
        agents=_whole("AGENTS", given.agents or "20", 1, 5_000),
        capacity=_whole("CAPACITY", given.capacity or "2", 1, 1_000),
        seed=_whole("SEED", given.seed or "1", 0, 2**63 - 1),
        data=Path(given.data).absolute(),
        platform=_platform(environ),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="one-machine",
        description="The whole of Antre on one machine: stores, gateway, two allocators, and a simulated platform.",
        epilog="With QISCUS_APP_ID and QISCUS_SECRET_KEY set it serves that account instead of a simulated one.",
    )
    parser.add_argument("--version", action="version", version=f"one-machine {version('antre-dev')}")
    for name, text in {
        "for": "seconds of traffic, then the summary; default: until Ctrl-C",
        "customers-per-s": "customers that come each second (default 8)",
        "agents": "agents of the simulated platform (default 20)",
        "capacity": "customers that an agent serves at once (default 2)",
        "seed": "where all chance of the simulated platform comes from (default 1)",
    }.items():
        destination = "for_s" if name == "for" else name.replace("-", "_")
        parser.add_argument(f"--{name}", dest=destination, metavar="N", default="", help=text)
    parser.add_argument("--data", default=".data", help="folder for data and logs (default .data)")
    return parser


def _whole(name: str, text: str, least: int, most: int) -> int:
    return _checked(name, text, int, (least, most), "a whole number")


def _number(name: str, text: str, least: float, most: float) -> float:
    return _checked(name, text, float, (least, most), "a number")


def _checked(name: str, text: str, read: Callable[[str], N], bounds: tuple[N, N], kind: str) -> N:
    least, most = bounds
    refusal = OptionError(f"{name} is '{text}'; allowed is {kind} from {least} to {most}.")
    try:
        value = read(text)
    except ValueError:
        raise refusal from None
    if not math.isfinite(value) or not least <= value <= most:
        raise refusal
    return value


def _platform(environ: Mapping[str, str]) -> Platform | None:
    app_id, secret_key = environ.get("QISCUS_APP_ID", ""), environ.get("QISCUS_SECRET_KEY", "")
    if not app_id and not secret_key:
        return None
    if not app_id or not secret_key:
        absent = "QISCUS_SECRET_KEY" if app_id else "QISCUS_APP_ID"
        raise OptionError(f"{absent} is not set; set both to serve a real account, or none for the simulator.")
    return Platform(base_url=_base_url(environ), app_id=app_id, secret_key=secret_key)


def _base_url(environ: Mapping[str, str]) -> str:
    url = environ.get("QISCUS_BASE_URL") or REAL_BASE_URL
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise OptionError(f"QISCUS_BASE_URL is '{url}'; allowed is an http or https address.")
    return url.rstrip("/")
