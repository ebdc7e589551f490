"""Credentials from files, as a mounted Secret has them, so that they are in no environment and on no command line."""

from dataclasses import dataclass, field
from pathlib import Path

APP_ID, SECRET_KEY, WEBHOOK_TOKENS = "app-id", "secret-key", "webhook-tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """One app. ``token`` stands behind the webhooks' addresses; None: their paths are bare."""

    app_id: str
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False)

    def address(self, url: str) -> str:
        """A webhook's address with the token behind it; an address that is not set stays so."""
        return f"{url.rstrip('/')}/{self.token}" if url and self.token else url


def credentials_in(folder: Path) -> Credentials:
    """What the files in ``folder`` say. Of several tokens the first is the new one. Raises ValueError."""
    tokens = _text(folder / WEBHOOK_TOKENS) if (folder / WEBHOOK_TOKENS).exists() else ""
    return Credentials(
        app_id=_text(folder / APP_ID),
        secret_key=_text(folder / SECRET_KEY),
        token=tokens.partition(",")[0].strip() or None,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ValueError(f"{path} cannot be read") from None
