"""The command ``allocator``; what its words do is in :mod:`allocator.commands`."""

import argparse
import sys

from allocator.commands import acting, allocate, doctor, migrate, operate, people, policy, status, why
from chassis import cli

_WORDS = (allocate, operate, migrate, status, people, why, acting, doctor, policy)
_EPILOG = "Settings come from the environment; docs/settings.md lists them. A secret can be given as NAME_FILE."


def main() -> None:
    """The entry point of the command."""
    words = _parser().parse_args()
    sys.exit(cli.refuse("allocator", lambda: int(words.work(words))))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="allocator", description=__import__("allocator").__doc__, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=cli.version_of("antre-allocator"))
    words = parser.add_subparsers(required=True, metavar="COMMAND")
    for word in _WORDS:
        word.add(words)
    return parser


if __name__ == "__main__":
    main()
