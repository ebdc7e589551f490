"""``allocator policy``: which is in force; is a file one, what would it change, whom would it give to whom."""

import difflib
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from allocator.adapters.policy_yaml import SIZE_MAX, Refused, read_policy, written
from allocator.adapters.postgres_trial import PostgresTrial
from allocator.commands import Words, asking, policy_try, showing
from allocator.commands.asking import EXIT_NOT_WELL, EXIT_WELL, Desk
from allocator.core.spec import rows_for
from chassis.settings import SettingError

_FILE = "a policy in YAML, as ANTRE_POLICY_FILE or kubectl take it; - is standard input"
_CHECK = "Says the line, the column and what is allowed there, with exit status 1. Needs no settings and no store."
_SHOW = "With its version, since when, and which version the leader uses; what is as by default is left out."
_DIFF = "Compares with the policy in force, line by line. Exit status 0: nothing would change, 1: something would."


def add(words: Words) -> None:
    """Add the words."""
    group = words.add_parser("policy", help="show, check, compare and try policies")
    policies = group.add_subparsers(required=True, metavar="WORD")
    check_word = policies.add_parser("check", help="whether a file is a policy, and where not", description=_CHECK)
    check_word.add_argument("file", metavar="FILE", help=_FILE)
    check_word.set_defaults(work=check)
    show_word = asking.add(policies, "show", show, summary="the policies in force", teaches=_SHOW)
    show_word.add_argument("app", metavar="APP", nargs="?", help="the id of an app; left out: every app")
    show_word.set_defaults(word="policy show")
    _add_app(asking.add(policies, "diff", diff, summary="what a file would change", teaches=_DIFF), "policy diff")
    _add_app(policy_try.add(policies), "policy try")


def _add_app(parser: ArgumentParser, word: str) -> None:
    parser.add_argument("file", metavar="FILE", help=_FILE)
    parser.add_argument("--app", metavar="APP", help="the id of an app; needed where there are several")
    parser.set_defaults(word=word, given=given)


def check(words: Namespace) -> int:
    """Say whether the file is a policy."""
    try:
        spec = read_policy(_content(words.file))
    except Refused as refused:
        place = f":{refused.line}:{refused.column}" if refused.line else ""
        sys.stderr.write(f"{words.file}{place}: {refused.reason}\n")
        return EXIT_NOT_WELL
    apps = spec.get("apps")
    showing.out(f"{words.file}: a policy for {', '.join(apps) if apps else 'every app'}")
    return EXIT_WELL


async def show(desk: Desk) -> int:
    """Print the policies in force."""
    apps = await desk.apps()
    glances = await desk.board.glances(apps)
    trial = PostgresTrial(desk.settings.database_url, desk.settings.database_timeout_s)
    shown: list[object] = []
    try:
        for app in apps:
            policy = await trial.in_force(app)
            source, at = await trial.given(app, policy.version)
            used = None if (glance := glances.get(app)) is None else glance.policy
            shown.append(
                {"app": app, "version": policy.version, "from": source, "at": at, "used": used, "spec": policy.row}
            )
            if not desk.words.json:
                since = (
                    "before anybody gave one" if at is None else f"from {source}, since {showing.when(at, desk.now)}"
                )
                leader = "nobody leads" if glance is None else f"the leader uses version {used}"
                showing.out(f"# {app}: version {policy.version}, {since}; {leader}")
                showing.out(written(policy.row).rstrip() or "{}  # all as by default")
    finally:
        await trial.close()
    if desk.words.json:
        showing.as_json({"policies": shown})
    return EXIT_WELL


async def diff(desk: Desk) -> int:
    """Print what the file would change."""
    spec = given(desk.words.file)
    app = asking.require_one(await desk.apps())
    trial = PostgresTrial(desk.settings.database_url, desk.settings.database_timeout_s)
    try:
        in_force = await trial.in_force(app)
    finally:
        await trial.close()
    rows = dict(rows_for(spec, [app]))
    if app not in rows:
        raise SettingError(f"{desk.words.file} is not for app {app}: its `apps` are {', '.join(spec['apps'])}")
    old, new = written(in_force.row), written(rows[app])
    lines = list(
        difflib.unified_diff(
            old.splitlines(), new.splitlines(), f"version {in_force.version} of {app}", desk.words.file, lineterm=""
        )
    )
    if desk.words.json:
        showing.as_json({"app": app, "version": in_force.version, "in_force": in_force.row, "given": rows[app]})
    else:
        for line in lines:
            showing.out(line)
    return EXIT_NOT_WELL if lines else EXIT_WELL


def given(file: str) -> dict[str, Any]:
    """The spec in ``file``. Raises :class:`~chassis.settings.SettingError`."""
    try:
        return read_policy(_content(file))
    except Refused as refused:
        raise SettingError(f"{file}, {refused}") from None


def _content(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(SIZE_MAX + 1)
    try:
        with Path(file).open("rb") as opened:
            return opened.read(SIZE_MAX + 1)
    except OSError as error:
        raise SettingError(f"{file}: {error.strerror}") from None
