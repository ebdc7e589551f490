"""What a person has to do so that the real platform sends its webhooks here."""

import contextlib
import os
import secrets
from pathlib import Path

from one_machine.addresses import url
from one_machine.parts import Setting


def kept_tokens(folder: Path, given: str | None) -> str:
    """The tokens of the environment, else one of our own that stays the same as long as the data."""
    if given:
        return given
    file = folder / "webhook-token"
    with contextlib.suppress(FileExistsError), os.fdopen(_new_private(file), "w") as made:
        made.write(secrets.token_urlsafe(24))
    return file.read_text().strip()


def instructions(setting: Setting) -> str:
    """The two addresses and where each of them is entered."""
    local = url(setting.addresses.gateway)
    allocate = setting.allocate_url.removeprefix(local)
    resolve = setting.resolve_url.removeprefix(local)
    base, app_id = setting.platform.base_url, setting.platform.app_id
    return f"""
Serving the app {app_id} of {base}.

The platform must reach {local} from outside: open a tunnel to it (cloudflared, ngrok, ssh -R …) and
put the tunnel's address in place of https://YOUR-TUNNEL below. Keep the addresses to yourself: the
part at the end is the secret that the platform shows with each webhook.

1. Customers who wait. In the dashboard: Settings > Custom Agent Allocation, switch it on, enter

   https://YOUR-TUNNEL{allocate}

2. Conversations that end. The dashboard has no page for it; as an admin (the token is
   data.user.authentication_token in the answer of POST {base}/api/v1/auth) call

   curl -X POST '{base}/api/v1/app/webhook/mark_as_resolved' \\
     -H 'Authorization: YOUR-ADMIN-TOKEN' -H 'Qiscus-App-Id: {app_id}' \\
     -d 'webhook_url=https://YOUR-TUNNEL{resolve}' -d 'is_webhook_enabled=true'
"""


def _new_private(file: Path) -> int:
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
