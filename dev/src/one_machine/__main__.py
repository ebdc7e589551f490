"""The command `one-machine`, behind `make run`."""

import os
import sys

from rich.console import Console

from one_machine.keeper import PartError
from one_machine.options import OptionError, read_options
from one_machine.ports import NoPortError
from one_machine.postgres_home import PostgresHomeError
from one_machine.run import run
from one_machine.store import StoreError

CANNOT_RUN = 1
WRONG_USE = 2
INTERRUPTED = 130


def main() -> int:
    """Run the system. Exit status: 0 all well, 1 a promise was broken or it cannot run, 2 wrong use."""
    try:
        options = read_options(sys.argv[1:], os.environ)
    except OptionError as error:
        sys.stderr.write(f"one-machine: {error}\n")
        return WRONG_USE
    try:
        return run(options, dict(os.environ), Console())
    except (PartError, StoreError, PostgresHomeError, NoPortError) as error:
        sys.stderr.write(f"one-machine: {error}\n")
        return CANNOT_RUN
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
