"""``allocator allocate``: assign, if elected."""

import os
from argparse import Namespace

import uvloop

from allocator.app import allocate
from allocator.commands import Words
from allocator.settings import settings_from
from chassis import logs


def add(words: Words) -> None:
    """Add the word."""
    parser = words.add_parser("allocate", help="assign waiting customers to agents, if elected; run two of these")
    parser.set_defaults(work=_allocate)


def _allocate(_: Namespace) -> int:
    settings = settings_from(os.environ)
    logs.configure(settings.log_format, settings.log_level)
    uvloop.run(allocate(settings))
    return 0
