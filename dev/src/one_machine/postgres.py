"""A PostgreSQL server of our own."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from one_machine.ports import HOST
from one_machine.postgres_home import PostgresHome, find_home
from one_machine.spawn import spawn
from one_machine.store import START_TIMEOUT_S, Store, StoreError

SUPERUSER = "antre"


class Postgres(Store):
    """A PostgreSQL server: `postgresql://` on loopback, superuser without a password."""

    name = "PostgreSQL"
    death_signal = signal.SIGINT  # fast shutdown

    def __init__(
        self,
        data: Path,
        *,
        port: int | None = None,
        log: Path | None = None,
        bin_folder: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(data, port, log)
        self._wished_bin = bin_folder
        self._settings = dict(settings or {})
        self._home: PostgresHome | None = None

    @property
    def url(self) -> str:
        """The address of the database `postgres`, which always exists."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """The address of a database on this server."""
        return f"postgresql://{SUPERUSER}@{HOST}:{self.port}/{database}"

    @property
    def home(self) -> PostgresHome:
        """Where the programs and the data are, found (and made) at the first use."""
        if self._home is None:
            self._home = find_home(self.data, bin_folder=self._wished_bin)
        return self._home

    def start(self) -> Self:
        """Make the data folder at the first start, then start the server."""
        if not (self.home.data / "PG_VERSION").exists():
            self._make_cluster()
        return super().start()

    def stop_immediately(self) -> None:
        """Stop without a checkpoint and without telling clients: the next start recovers."""
        self._end(signal.SIGQUIT)

    def create_database(self, name: str) -> str:
        """Make an empty database and return its address."""
        self.execute(f'CREATE DATABASE "{name}"')
        return self.url_of(name)

    def ensure_database(self, name: str) -> str:
        """The address of a database, which is made when it is not there."""
        found = self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'")  # noqa: S608
        return self.url_of(name) if found else self.create_database(name)

    def drop_database(self, name: str) -> None:
        """Remove a database and whoever is connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> str:
        """Run one statement as the superuser and return what `psql` prints of it."""
        command = [str(self.home.bin / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement, self.url]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            message = f"PostgreSQL refused `{statement}`: {done.stderr.strip()}"
            raise StoreError(message)
        return done.stdout.strip()

    def _make_cluster(self) -> None:
        made = self._run_as_account(
            [
                *(self.home.bin / "initdb", "-D", self.home.data, "-U", SUPERUSER),
                *("--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions"),
            ]
        )
        if made.wait(START_TIMEOUT_S) != 0:
            message = f"initdb failed; the end of {self.log}:\n{self._log_end()}"
            raise StoreError(message)

    def _spawn(self) -> subprocess.Popen[bytes]:
        return self._run_as_account(self._command())

    def _run_as_account(self, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        return spawn(
            command,
            log=self.log,
            cwd=self.home.data,
            account=self.home.account,
            when_we_die=self.death_signal,
        )

    def _command(self) -> Sequence[str | Path]:
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",
            **self._settings,
        }
        pairs = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self.home.bin / "postgres", "-D", self.home.data, *pairs]

    def _answers(self) -> bool:
        try:
            lines = (self.home.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(self.pid)] and lines[-1].strip() == "ready"
