"""What our processes said, as a test reads it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from support.processes import Running


def said(running: Running, event: str) -> list[float]:
    """When a process (or one before it under this name) said this: Unix times."""
    return [datetime.fromisoformat(line["timestamp"]).timestamp() for line in lines(running) if line["event"] == event]


def lines(running: Running) -> Iterator[dict[str, Any]]:
    """Its lines of JSON; others (of the server before it is configured) are passed over."""
    for text in running.output.splitlines():
        with suppress(json.JSONDecodeError):
            line = json.loads(text)
            if isinstance(line, dict) and {"event", "timestamp"} <= line.keys():
                yield line
