"""Settings from the environment: declared once, checked at the start, documented from the same place.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Settings:
        lease_ttl_s: float = setting("ANTRE_LEASE_TTL_S", seconds(3, 300), default="10", doc="…")

    settings = load(Settings, os.environ)

A wrong value raises :class:`SettingError`, whose one sentence names the variable, its value (never a secret's)
and what is allowed. A secret can come from a file instead: ``NAME_FILE`` holds its path.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


class SettingError(Exception):
    """The process cannot start with these settings. The text is for the person who set them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a text becomes a value, and the words for what is allowed. ``parse`` raises ValueError."""

    parse: Callable[[str], Any]
    allowed: str


@dataclass(frozen=True, slots=True)
class Spec:
    """One setting as it is declared. ``default`` is a text like one from the environment; None: required."""

    variable: str
    kind: Kind
    default: str | None
    doc: str
    secret: bool


def setting(variable: str, kind: Kind, *, default: str | None = None, doc: str, secret: bool = False) -> Any:
    """Declare a field of a settings dataclass."""
    return field(repr=not secret, metadata={"spec": Spec(variable, kind, default, doc, secret)})


def load(cls: type[T], environ: Mapping[str, str]) -> T:
    """A ``cls`` from ``environ``; an empty variable counts as not set. Raises :class:`SettingError`."""
    values = {name: _value(spec, environ) for name, spec in specs(cls)}
    return cls(**values)


def specs(cls: type[Any]) -> Iterator[tuple[str, Spec]]:
    """The fields of ``cls`` and what is declared of them, for loading and for the documentation."""
    for item in fields(cls):
        yield item.name, item.metadata["spec"]


def _value(spec: Spec, environ: Mapping[str, str]) -> Any:
    text = _text(spec, environ)
    if text is None:
        raise SettingError(f"{spec.variable} is not set: {spec.kind.allowed} is needed")
    try:
        return spec.kind.parse(text)
    except ValueError as error:
        shown = "has a value that is not allowed" if spec.secret else f"is {text!r}"
        reason = f" ({error})" if str(error) and not spec.secret else ""
        raise SettingError(f"{spec.variable} {shown}{reason}: allowed is {spec.kind.allowed}") from None


def _text(spec: Spec, environ: Mapping[str, str]) -> str | None:
    given = environ.get(spec.variable, "").strip()
    path = environ.get(f"{spec.variable}_FILE", "").strip() if spec.secret else ""
    if given and path:
        raise SettingError(f"{spec.variable} and {spec.variable}_FILE are both set: only one of them is allowed")
    if path:
        return _from_file(spec, path)
    return given or spec.default


def _from_file(spec: Spec, path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SettingError(f"{spec.variable}_FILE is {path!r}, which cannot be read: {reason}") from None
    if not text:
        raise SettingError(f"{spec.variable}_FILE is {path!r}, which is empty")
    return text


def text(allowed: str = "a text") -> Kind:
    """Any text."""
    return Kind(str, allowed)


def optional(kind: Kind) -> Kind:
    """Like ``kind``, or nothing: declare it with ``default=""``, which becomes None."""
    return Kind(lambda raw: kind.parse(raw) if raw else None, f"nothing, or {kind.allowed}")


def one_of(*words: str) -> Kind:
    """One of ``words``."""
    return Kind(lambda raw: _member(raw, words), " or ".join(words))


def flag() -> Kind:
    """Yes or no, written as true or false."""
    return Kind(lambda raw: _member(raw.lower(), ("true", "false")) == "true", "true or false")


def seconds(least: float, most: float) -> Kind:
    """A duration in seconds, both ends included."""
    return Kind(
        lambda raw: _within(_number(float, raw), least, most), f"a number of seconds from {least:g} to {most:g}"
    )


def whole(least: int, most: int) -> Kind:
    """A whole number, both ends included."""
    return Kind(lambda raw: int(_within(_number(int, raw), least, most)), f"a whole number from {least} to {most}")


def url(*schemes: str) -> Kind:
    """A URL with one of ``schemes`` and a host."""
    return Kind(lambda raw: _url(raw, schemes), " or ".join(f"{scheme}://…" for scheme in schemes))


def redis_url() -> Kind:
    """The URL of one Redis or Valkey server.

    Its ``parse`` raises :class:`SettingError` for what would be misread: a sentinel or cluster, and options that would
    change how the client behaves. The sentence quotes nothing, since the URL may hold a password.
    """
    plain = url("redis", "rediss")
    return Kind(lambda raw: _redis_url(raw, plain), plain.allowed)


def path() -> Kind:
    """A path in the file system; whether something is there is for the one who opens it."""
    return Kind(Path, "a path")


def _member(raw: str, words: tuple[str, ...]) -> str:
    if raw not in words:
        raise ValueError
    return raw


def _number(read: Callable[[str], float], raw: str) -> float:
    try:
        return read(raw)
    except ValueError:
        raise ValueError from None  # its text repeats the value


def _within(number: float, least: float, most: float) -> float:
    if not least <= number <= most:  # also refuses nan
        raise ValueError
    return number


def _url(raw: str, schemes: tuple[str, ...]) -> str:
    parts = urlsplit(raw)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError
    _ = parts.port  # raises for a port that is none
    return raw.rstrip("/")


def _redis_url(raw: str, plain: Kind) -> str:
    scheme, _, rest = raw.partition("://")
    hosts = rest.split("/", 1)[0].rsplit("@", 1)[-1]
    if "sentinel" in scheme or "cluster" in scheme or "," in hosts:
        raise SettingError(
            "REDIS_URL names a sentinel or a cluster, which are not supported yet: allowed is one server's "
            "redis://… or rediss://…, such as an address that moves with the primary"
        )
    if any(not option.startswith("ssl_") for option in urlsplit(raw).query.split("&") if option):
        raise SettingError("REDIS_URL has options after the '?': allowed are only those that begin with ssl_")
    return str(plain.parse(raw))
