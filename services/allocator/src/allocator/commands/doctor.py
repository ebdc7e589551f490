"""``allocator doctor``: what a first installation gets wrong, each in a sentence that says what to do."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from allocator.app import check_policy
from allocator.commands import Words, asking, showing, status
from allocator.commands.asking import EXIT_NOT_WELL, EXIT_WELL, Desk
from allocator.core import outcomes as o
from allocator.ports import Unavailable
from allocator.settings import Settings, apps_of
from chassis.settings import SettingError
from contract.apps import App

CLOCK_S = 2.0
"""So far clocks may be apart: what is shown as a time of day is off by it, nothing is decided by it."""
TOKEN_SHORT = 24
_TEACHES = (
    "Checks the settings, both stores (reached, durable, this version's schema, their clocks), the platform with each "
    "app's credentials, the webhooks' tokens as far as they are set here, and the policy. Changes nothing."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was looked at; ``wrong`` and what to do, or None."""

    what: str
    wrong: str | None


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
        showing.as_json({"well": not wrong, "findings": [{"what": one.what, "wrong": one.wrong} for one in findings]})
    for one in () if desk.words.json else findings:
        for line in showing.wrapped("wrong  " if one.wrong else "well   ", f"{one.what}: {one.wrong or 'in order'}"):
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
        yield Finding(what=f"platform of {app.id}", wrong=await _platform(app, settings))


async def _platform(app: App, settings: Settings) -> str | None:
    """Read the list of rooms that wait: it needs the credentials and changes nothing."""
    from allocator.adapters.qiscus import QiscusPlatform, new_client  # noqa: PLC0415 - takes long to import

    url = app.base_url or settings.base_url
    async with new_client(settings.platform_timeout_s) as client:
        secret, timeout_s = app.secret_key or "", settings.platform_timeout_s
        platform = QiscusPlatform(client, base_url=url, app_id=app.id, secret_key=secret, timeout_s=timeout_s)
        async for page in platform.unserved():
            match page:
                case o.CredentialsRefused():
                    return (
                        "it refuses the credentials: compare QISCUS_APP_ID and QISCUS_SECRET_KEY with its settings page"
                    )
                case o.NotNow():
                    return "it asks for a pause (429): try again in a minute"
                case o.Unknown(reason):
                    return (
                        f"it does not answer at QISCUS_BASE_URL ({reason}): see that the address is right and reached"
                    )
                case _:
                    return None
    return None


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
