"""The platform's webhooks as a test sends them itself: the recorded forms, for a room of the test's choice."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

FIXTURES = Path(__file__).parents[1] / "fixtures" / "webhooks"
TIMEOUT_S = 15.0


def allocation(app: str, room: str) -> dict[str, Any]:
    """A customer writes in a room that has had no session before."""
    form = json.loads((FIXTURES / "caa" / "2024-real-candidate-null.json").read_text())
    return {**form, "app_id": app, "room_id": room}


def send(url: str, body: Mapping[str, Any] | bytes) -> httpx.Response:
    """Send one, on a connection of its own."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    return httpx.post(url, content=content, headers=headers, timeout=TIMEOUT_S, trust_env=False)
