"""What `helm test` runs in a pod: a webhook through the Service, and where a simulator plays the platform, the
customer assigned. With the real platform nobody is made up: then a webhook that means nothing shows the way in.
"""

import json
import os
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

SECRETS = Path("/run/secrets/antre")
WAIT_S = 60
PAGE = 10_000
NOTHING = {"service": {"is_resolved": False, "room_id": "1"}, "customer": {}, "resolved_by": {}}


def asked(url: str, body: object = None) -> tuple[int, Any]:
    """The status and the JSON of an answer; status 0 when there is none."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, None
    except (OSError, ValueError) as error:
        print(f"{type(error).__name__} from {url.split('/webhook', maxsplit=1)[0]}")
        return 0, None


def until(what: str, is_so: Callable[[], bool]) -> None:
    """Wait for it, or end with a sentence."""
    give_up_at = time.monotonic() + WAIT_S
    while not is_so():
        if time.monotonic() > give_up_at:
            sys.exit(f"FAILED: {what}: not within {WAIT_S} s")
        time.sleep(1)
    print(f"ok: {what}")


def assigned(platform: str, app: str, room: str) -> bool:
    """Whether the record has an agent for the room."""
    after = 0
    while True:
        _, page = asked(f"{platform}/simulator/record?after={after}")
        if any(one["kind"] == "assigned" and one.get("room") == room and one["app"] == app for one in page or []):
            return True
        if len(page or []) < PAGE:
            return False
        after += len(page)


def account(folder: Path) -> tuple[str, str]:
    """An app and its newest token, of one account or the first of several."""
    if (several := folder / "apps.toml").exists():
        first = tomllib.loads(several.read_text())["app"][0]
        return first["id"], first["webhook_tokens"][0]
    app, tokens = ((folder / name).read_text().strip() for name in ("app-id", "webhook-tokens"))
    return app, tokens.split(",")[0].strip()


def main() -> None:
    """Try both, and say what was seen."""
    gateway, platform = os.environ["GATEWAY"], os.environ["PLATFORM"]
    app, token = account(SECRETS)
    resolve = f"{gateway}/mark-as-solved/webhook/{token}"
    until("a webhook through the Service is answered 200", lambda: asked(resolve, NOTHING)[0] == HTTPStatus.OK)
    if asked(f"{gateway}/mark-as-solved/webhook/wrong-token-12345678", NOTHING)[0] != HTTPStatus.NOT_FOUND:
        sys.exit("FAILED: a wrong token is not answered 404")
    print("ok: a wrong token is answered 404")
    status, _ = asked(f"{platform}/simulator/state") if app.startswith("sim-") else (0, None)
    if status != HTTPStatus.OK:
        print("The platform is the real one, so no customer is made up.")
        return
    _, made = asked(f"{platform}/simulator/customers", {"app_id": app, "count": 1})
    room = made["room_ids"][0]
    until("the customer who came has an agent", lambda: assigned(platform, app, room))


if __name__ == "__main__":
    main()
