"""Which apps an installation serves: one from the environment, or several from a file.

The file is TOML, so that one Secret can hold it::

    [[app]]
    id = "demoo-a1b2c3d4e5f6g7h"
    secret_key = "…"                  # or secret_key_file; the gateway does not need it
    webhook_tokens = ["…", "…"]       # two while one replaces the other
    base_url = "https://…"            # where this app's platform is, if not where the others' is

With several apps only the paths with a token work: a resolve webhook does not name its app.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from contract.events import AppId, is_app_id

_TOKEN = re.compile(r"[0-9A-Za-z_-]{8,128}")
_TOKENS_MAX = 2
_APPS_MAX = 10_000


class AppsError(Exception):
    """The apps are not as they must be. The text is for the person who set them; it holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One Qiscus account. What is secret does not show in ``repr``."""

    id: AppId
    secret_key: str | None = field(repr=False)
    tokens: tuple[str, ...] = field(repr=False)
    base_url: str | None


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    secret_key: str | None = None
    secret_key_file: str | None = None
    webhook_tokens: list[str] = []
    base_url: str | None = None


class _File(msgspec.Struct, forbid_unknown_fields=True):
    app: list[_Entry]


def one_app(app_id: str, secret_key: str | None, tokens: str) -> App:
    """The app of the environment. ``tokens``: comma separated. Raises :class:`AppsError`."""
    words = [word.strip() for word in tokens.split(",") if word.strip()]
    return App(
        id=_app_id(app_id, "QISCUS_APP_ID"),
        secret_key=secret_key,
        tokens=_tokens(words, "ANTRE_WEBHOOK_TOKENS"),
        base_url=None,
    )


def apps_from_file(path: Path) -> tuple[App, ...]:
    """The apps in the file at ``path``. Raises :class:`AppsError`."""
    try:
        entries = msgspec.toml.decode(path.read_bytes(), type=_File).app
    except OSError as error:
        raise AppsError(f"ANTRE_APPS_FILE is {str(path)!r}, which cannot be read: {error.strerror}") from None
    except msgspec.ValidationError as error:
        raise AppsError(f"ANTRE_APPS_FILE {path}: {error}") from None
    except (msgspec.DecodeError, ValueError):
        raise AppsError(f"ANTRE_APPS_FILE {path} is not TOML") from None
    apps = tuple(_app(entry, f"ANTRE_APPS_FILE {path}: app {number}") for number, entry in enumerate(entries, 1))
    _check_together(apps, path)
    return apps


def _check_together(apps: tuple[App, ...], path: Path) -> None:
    where = f"ANTRE_APPS_FILE {path}"
    if not 1 <= len(apps) <= _APPS_MAX:
        raise AppsError(f"{where} names {len(apps)} apps: allowed are 1 to {_APPS_MAX}")
    if len({app.id for app in apps}) < len(apps):
        raise AppsError(f"{where} names an app twice")
    tokens = [token for app in apps for token in app.tokens]
    if len(set(tokens)) < len(tokens):
        raise AppsError(f"{where} has one webhook token for two apps: each needs tokens of its own")
    if len(apps) > 1 and not all(app.tokens for app in apps):
        raise AppsError(f"{where}: with several apps each needs webhook_tokens, since a resolve does not name its app")


def _app(entry: _Entry, where: str) -> App:
    return App(
        id=_app_id(entry.id, f"{where}: id"),
        secret_key=_secret(entry, where),
        tokens=_tokens(entry.webhook_tokens, f"{where}: webhook_tokens"),
        base_url=entry.base_url,
    )


def _app_id(text: str, where: str) -> AppId:
    if not is_app_id(text):
        raise AppsError(f"{where} is {text!r}: allowed are letters, digits, '-', '_' and '.', at most 64 of them")
    return AppId(text)


def _secret(entry: _Entry, where: str) -> str | None:
    if entry.secret_key is not None and entry.secret_key_file is not None:
        raise AppsError(f"{where}: only one of secret_key and secret_key_file is allowed")
    if entry.secret_key_file is None:
        return entry.secret_key
    try:
        return Path(entry.secret_key_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise AppsError(f"{where}: secret_key_file is {entry.secret_key_file!r}, which cannot be read") from None


def _tokens(words: list[str], where: str) -> tuple[str, ...]:
    if len(words) > _TOKENS_MAX:
        raise AppsError(f"{where} holds {len(words)} tokens: allowed are {_TOKENS_MAX}, the new and the old one")
    if not all(_TOKEN.fullmatch(word) for word in words):
        raise AppsError(f"{where} holds a token that is not allowed: use 8 to 128 letters, digits, '-' and '_'")
    return tuple(words)
