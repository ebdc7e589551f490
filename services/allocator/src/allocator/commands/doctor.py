"""``allocator doctor``: what a first installation gets wrong, each in a sentence that says what to do."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from allocator.app import check_policy
from allocator.commands import Words, asking, showing, status
from allocator.commands.asking import EXIT_NOT_WELL, EXIT_WELL, Desk
from allocator.core import outcomes as o
from allocator.ports import Failure, Platform, Unavailable
from allocator.settings import Settings, apps_of
from chassis.settings import SettingError
from contract.addresses import RESOLVE
from contract.apps import App

CLOCK_S = 2.0
"""So far clocks may be apart: what is shown as a time of day is off by it, nothing is decided by it."""
TOKEN_SHORT = 24
MARGIN = 7
_TEACHES = (
    "Checks the settings, both stores (reached, durable, this version's schema, their clocks), the platform with each "
    "app's credentials, where it tells of resolves, the webhooks' tokens as far as they are set here, and the policy. "
    "Changes nothing."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was looked at; ``wrong`` and what to do, or None. ``unseen``: what could not be looked at, and who can."""

    what: str
    wrong: str | None
    unseen: str | None = None

    @property
    def line(self) -> str:
        """As people read it."""
        verdict = "wrong  " if self.wrong else "unseen " if self.unseen else "well   "
        return f"{verdict}{self.what}: {self.wrong or self.unseen or 'in order'}"


def add(words: Words) -> None:
    """Add the word."""
    parser: ArgumentParser = asking.add(
        words, "doctor", doctor, summary="what is wrong with this installation, and what to do", teaches=_TEACHES
    )
    ask = parser.get_default("work")

    def work(words: Namespace) -> int:
        try:
            return int(ask(words))
        except SettingError as error:
            sys.stdout.write(f"wrong  settings: {error}\n")
            return EXIT_NOT_WELL

    parser.set_defaults(work=work)


async def doctor(desk: Desk) -> int:
    """Print every finding; whether all is well."""
    findings = [Finding(what="settings", wrong=None)]
    findings += [one async for one in _stores(desk)]
    findings += [one async for one in _platforms(desk.settings)]
    findings += [_policy(desk.settings), *_tokens(desk.settings)]
    wrong = [one for one in findings if one.wrong is not None]
    if desk.words.json:
        showing.as_json({"well": not wrong, "findings": [asdict(one) for one in findings]})
    for one in () if desk.words.json else findings:
        for line in showing.wrapped(one.line[:MARGIN], one.line[MARGIN:]):
            showing.out(line)
    return EXIT_NOT_WELL if wrong else EXIT_WELL


async def _stores(desk: Desk) -> AsyncIterator[Finding]:
    try:
        found = await status.look(desk)
    except Unavailable as error:
        yield Finding(what="stores", wrong=asking.sentence(error, desk.settings))
        return
    complaints = list(status.complaints(found, desk))
    for complaint in complaints:
        yield Finding(what="stores", wrong=complaint)
    if not complaints:
        yield Finding(what="stores", wrong=None)
    for store, at in (("Postgres", found.database.at), ("Redis", found.redis.at)):
        yield Finding(what=f"clock of {store}", wrong=_clock(at))


def _clock(at: datetime) -> str | None:
    apart = abs((datetime.now(UTC) - at).total_seconds())
    return (
        f"{apart:.0f} s apart from ours: let a time service (NTP) set both machines' clocks"
        if apart > CLOCK_S
        else None
    )


async def _platforms(settings: Settings) -> AsyncIterator[Finding]:
    try:
        apps = apps_of(settings)
    except SettingError as error:
        yield Finding(what="apps", wrong=str(error))
        return
    for app in apps:
        async for finding in _platform(app, settings):
            yield finding


async def _platform(app: App, settings: Settings) -> AsyncIterator[Finding]:
    from allocator.adapters.qiscus import QiscusPlatform, new_client  # noqa: PLC0415 - takes long to import

    async with new_client() as client:
        platform = QiscusPlatform(
            client,
            base_url=app.base_url or settings.base_url,
            app_id=app.id,
            secret_key=app.secret_key or "",
            timeout_s=settings.platform_timeout_s,
        )
        wrong = await _reached(platform)
        yield Finding(what=f"platform of {app.id}", wrong=wrong)
        if wrong is None:
            yield _told_of_resolves(app, await platform.resolve_webhooks())


async def _reached(platform: Platform) -> str | None:
    """Read the list of rooms that wait: it needs the credentials and changes nothing."""
    async for page in platform.unserved():
        match page:
            case o.CredentialsRefused():
                return "it refuses the credentials: compare QISCUS_APP_ID and QISCUS_SECRET_KEY with its settings page"
            case o.NotNow():
                return "it asks for a pause (429): try again in a minute"
            case o.Unknown(reason):
                return f"it does not answer at QISCUS_BASE_URL ({reason}): see that the address is right and reached"
            case _:
                return None
    return None


def _told_of_resolves(app: App, found: Sequence[str] | Failure) -> Finding:
    """Whether resolves are told to a gateway of ours. Where allocations are told, the platform shows to nobody."""
    what = f"resolve webhook of {app.id}"
    ours = f"the gateway's public address and {RESOLVE}{'/TOKEN' if app.tokens else ''}"
    if not isinstance(found, Sequence):
        unseen = f"the platform does not show which address is set: see that it is {ours}"
        return Finding(what=what, wrong=None, unseen=unseen)
    if not found:
        return Finding(what=what, wrong=f"none is on, so each freed slot is found late: enter {ours}")
    paths = [urlsplit(address).path for address in found]
    if any(path == RESOLVE or path.startswith(f"{RESOLVE}/") for path in paths):
        return Finding(what=what, wrong=None)
    return Finding(what=what, wrong=f"the address that is set is not one of the gateway's: enter {ours}")


def _policy(settings: Settings) -> Finding:
    try:
        check_policy(settings)
    except SettingError as error:
        return Finding(what="policy", wrong=str(error))
    return Finding(what="policy", wrong=None)


def _tokens(settings: Settings) -> Iterator[Finding]:
    """The gateway's tokens, if they are set where we run."""
    if settings.apps_file is not None:
        tokens = [token for app in apps_of(settings) for token in app.tokens]
    else:
        tokens = [word.strip() for word in os.environ.get("ANTRE_WEBHOOK_TOKENS", "").split(",") if word.strip()]
    if any(len(token) < TOKEN_SHORT for token in tokens):
        short = f"one has fewer than {TOKEN_SHORT} characters and can be guessed: make one with `openssl rand -hex 24`"
        yield Finding(what="webhook tokens", wrong=short)
    elif tokens:
        yield Finding(what="webhook tokens", wrong=None)
