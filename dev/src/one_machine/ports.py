"""TCP ports on this machine: a free one, or the wished one when nobody has it.

Between choosing a port and listening on it a process takes a second or more to start. So that two
runs (or two test workers) do not choose the same one meanwhile, a chosen port is held by a name that
only one process at a time can have, and that goes with the process: an abstract Unix socket.
"""

import errno
import os
import random
import socket
import sys
from collections import deque

HOST = "127.0.0.1"

# Below the range the kernel takes for outgoing connections (32768 on Linux): a server that is
# down for a moment must find its port free again, and a client must not be able to connect to itself.
LOWEST, HIGHEST = 18_000, 32_000
ATTEMPTS_MAX = 200
HELD_MAX = 200

_random = random.Random(os.urandom(8))  # noqa: S311 - spreads test processes, guards no secret
_held: deque[socket.socket] = deque()


class NoPortError(RuntimeError):
    """No free TCP port was found on this machine."""


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now, on loopback and on every address."""
    return all(_can_bind(host, port) for host in (HOST, ""))


def free_port() -> int:
    """A port that nobody listens on; two callers at the same time hardly ever get the same one."""
    for _ in range(ATTEMPTS_MAX):
        port = _random.randint(LOWEST, HIGHEST)
        if is_free(port) and _hold(port):
            return port
    message = f"No free TCP port between {LOWEST} and {HIGHEST}; stop something that listens there."
    raise NoPortError(message)


def port_near(wished: int) -> int:
    """The wished port, else the next free one of the hundred above it, else any free one."""
    for port in range(wished, wished + 100):
        if is_free(port) and _hold(port):
            return port
    return free_port()


def _hold(port: int) -> bool:
    """Whether nobody else holds the port; from now on we do (the last two hundred of ours)."""
    if sys.platform != "linux":
        return True  # no such names there: two runs that start at the same moment may collide
    name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        name.bind(f"\0antre-port-{port}")
    except OSError:
        name.close()
        return False
    _held.append(name)
    while len(_held) > HELD_MAX:
        _held.popleft().close()
    return True


def _can_bind(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A connection that ended a moment ago must not make the port look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True
