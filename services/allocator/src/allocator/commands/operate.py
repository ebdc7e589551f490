"""``allocator operate``: policies as objects of Kubernetes."""

import os
from argparse import Namespace

import uvloop

from allocator.commands import Words
from allocator.settings import OperatorSettings
from chassis import logs
from chassis.settings import load


def add(words: Words) -> None:
    """Add the word."""
    parser = words.add_parser("operate", help="take policies from a Kubernetes cluster; run one of these")
    parser.set_defaults(work=_operate)


def _operate(_: Namespace) -> int:
    from allocator.app_operate import operate  # noqa: PLC0415 - kopf takes a while to load, and nobody else needs it

    settings = load(OperatorSettings, os.environ)
    logs.configure(settings.log_format, settings.log_level)
    uvloop.run(operate(settings))
    return 0
