"""The command ``qiscus-simulator``."""

import asyncio
import logging
import os
import signal
import sys
from typing import Final

from qiscus_simulator.app import running
from qiscus_simulator.options import Options, read_options

WRONG_USE: Final = 2
CANNOT_RUN: Final = 1


def main() -> None:
    """Run until SIGTERM or SIGINT. Exit status 2 for a wrong option, 1 when the address cannot be had."""
    try:
        options = read_options(sys.argv[1:], os.environ)
    except ValueError as wrong:
        sys.stderr.write(f"qiscus-simulator: {wrong}\n")
        sys.exit(WRONG_USE)
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(_run(options))
    except OSError as wrong:
        sys.stderr.write(f"qiscus-simulator: cannot listen on {options.host} port {options.port}: {wrong.strerror}\n")
        sys.exit(CANNOT_RUN)


async def _run(options: Options) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(options) as simulator:
        sys.stdout.write(f"listening on {simulator.url}\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    main()
