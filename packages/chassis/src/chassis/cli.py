"""What the commands have in common: their version, and how they say that they cannot start."""

import sys
from collections.abc import Callable
from importlib.metadata import version

from chassis.settings import SettingError

EXIT_USAGE = 2


def version_of(distribution: str) -> str:
    """The version of an installed distribution, e.g. of ``antre-allocator``."""
    return version(distribution)


def refuse(program: str, run: Callable[[], int]) -> int:
    """Run ``run``; a :class:`SettingError` becomes one sentence on standard error and exit status 2."""
    try:
        return run()
    except SettingError as error:
        sys.stderr.write(f"{program}: {error}\n")
        return EXIT_USAGE
