"""How answers look: a table for a person at a terminal, or one JSON object for a program."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any

NARROWEST = 6
"""A column is never cut below so many characters."""


def out(text: str) -> None:
    """A line for the reader. Whoever stopped reading (``| head``) is no error."""
    sys.stdout.write(text + "\n")


def as_json(value: Any) -> None:
    """One object; times are ISO 8601 in UTC."""
    out(json.dumps(value, default=_plain, indent=2 if sys.stdout.isatty() else None))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, width: int | None = None) -> list[str]:
    """Lines of a table that is no wider than the terminal: the widest column gives way."""
    cells = [[*heads], *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    most = width or shutil.get_terminal_size((120, 24)).columns
    while sum(widths) + 2 * (len(widths) - 1) > most and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return ["  ".join(_fit(cell, size) for cell, size in zip(row, widths, strict=True)).rstrip() for row in cells]


def wrapped(before: str, text: str) -> list[str]:
    """``text`` behind ``before``, on as many lines as the terminal's width asks for."""
    width = max(shutil.get_terminal_size((120, 24)).columns, len(before) + 20)
    return textwrap.wrap(text, width, initial_indent=before, subsequent_indent=" " * len(before)) or [before.rstrip()]


def when(at: datetime | None, now: datetime) -> str:
    """A time in the reader's zone; the day only where it is another."""
    if at is None:
        return "-"
    local, today = at.astimezone(), now.astimezone()
    return f"{local:%H:%M:%S}" if local.date() == today.date() else f"{local:%Y-%m-%d %H:%M}"


def zone(now: datetime) -> str:
    """What the reader's zone is called."""
    return f"{now.astimezone():%Z}"


def lasting(seconds: float) -> str:
    """A duration in two units: ``45 s``, ``3 min 20 s``, ``2 h 5 min``, ``4 d 1 h``."""
    left = max(0, int(seconds))
    if left < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{left} s"
    for size, unit, small, name in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if left >= size:
            rest = left % size // small
            return f"{left // size} {unit}" + (f" {rest} {name}" if rest else "")
    raise AssertionError


def since(at: datetime | None, now: datetime) -> str:
    """How long ago ``at`` was."""
    return "-" if at is None else lasting((now - at).total_seconds())


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _fit(text: str, size: int) -> str:
    return text.ljust(size) if len(text) <= size else text[: size - 1] + "…"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
