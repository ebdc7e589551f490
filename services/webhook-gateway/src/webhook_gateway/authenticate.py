"""Who calls: the token in the path names the app, since the platform signs nothing and a resolve names no app.

Constant time: every configured token is compared, as digests of one length, whatever the earlier ones gave. What
is wrong with a token (none, unknown, not needed here) is not said.
"""

import hashlib
import hmac
from collections.abc import Sequence

from contract import AppId
from contract.apps import App


class Gate:
    """Knows the apps and their tokens, as digests only."""

    def __init__(self, apps: Sequence[App]) -> None:
        self._digests = tuple((_digest(token), app.id) for app in apps for token in app.tokens)
        self._open_for = apps[0].id if len(apps) == 1 and not apps[0].tokens else None

    @property
    def is_open(self) -> bool:
        """Whether the bare paths work, for anybody who finds them."""
        return self._open_for is not None

    def app_of(self, token: str | None) -> AppId | None:
        """The app that ``token`` stands for, or that the bare path (None) serves. None: not for this caller."""
        if token is None:
            return self._open_for
        given = _digest(token)
        found: AppId | None = None
        for digest, app in self._digests:
            if hmac.compare_digest(digest, given):
                found = app  # no early exit: the time taken must not depend on which token matched
        return found


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
