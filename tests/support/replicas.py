"""Stores of two servers: one that takes the writes and one that follows, behind an address that moves.

A :class:`Service` is that address, as a Service of Kubernetes is one: clients keep it, what is behind it changes. The
link between the servers is a proxy of its own, so that the follower can be made to miss the last writes.
"""

import contextlib
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from one_machine.ports import HOST
from one_machine.postgres import SUPERUSER
from one_machine.stores import Postgres, Valkey
from support.network import Proxy

POLL_S = 0.05
CATCH_UP_S = 20.0
BACKUP_S = 60.0

S = TypeVar("S", Postgres, Valkey)


class Service(Generic[S]):
    """An address, the server behind it, and the one that could take its place."""

    def __init__(self, primary: S, follower: S, link: Proxy) -> None:
        self.primary: S = primary
        self.follower: S = follower
        self.old: S = primary
        """Who was the primary first."""
        self.link = link
        self.door = Proxy([primary.port]).start()
        self._doors = [self.door]

    @property
    def port(self) -> int:
        """The port that clients know."""
        return self.door.port

    def also_by(self, *doors: Proxy) -> None:
        """Further proxies that lead to the primary, wherever it is."""
        self._doors.extend(doors)

    def leads_to(self, server: S, *doors: Proxy, cut: bool = True) -> None:
        """From now on the address (or only the doors that are named) leads to ``server``; without ``cut`` the
        connections that are there stay where they are.
        """
        for door in doors or self._doors:
            door.targets = [server.port]
            if cut:
                door.cut()
                door.mend()
        if not doors:
            self.primary = server

    def resume(self) -> None:
        """As the one server does."""
        self.primary.resume()

    def start(self) -> "Service[S]":
        """As the one server does."""
        self.primary.start()
        return self

    def remove(self) -> None:
        """Both servers, the link and the address."""
        self.door.stop()
        for server in (self.follower, self.old):
            server.remove()
        self.link.stop()


class ValkeyService(Service[Valkey]):
    """Valkey with a replica, asynchronous as ever."""

    @property
    def url(self) -> str:
        """The address that moves."""
        return f"redis://{HOST}:{self.port}"

    def execute(self, *words: str) -> bytes:
        """Ask the primary."""
        return self.primary.execute(*words)

    def promote(self) -> None:
        """The replica takes writes, too; nobody is led to it yet."""
        self.follower.execute("REPLICAOF", "NO", "ONE")

    def until_in_step(self) -> None:
        """Wait until the replica has everything (while nobody writes more than it can follow)."""
        _until(
            "the replica is in step", lambda: b"master_link_status:up" in self.follower.execute("INFO", "replication")
        )


class PostgresService(Service[Postgres]):
    """PostgreSQL with a hot standby, asynchronous."""

    def url_of(self, database: str) -> str:
        """The address of a database, that moves."""
        return f"postgresql://{SUPERUSER}@{HOST}:{self.port}/{database}"

    def execute(self, statement: str) -> str:
        """Ask the primary."""
        return self.primary.execute(statement)

    def promote(self) -> None:
        """The standby takes writes, with whatever it has received; nobody is led to it yet."""
        self.follower.execute("SELECT pg_promote()")

    def until_in_step(self) -> None:
        """Wait until the standby has replayed what the primary has written by now."""
        written = self.primary.execute("SELECT pg_current_wal_flush_lsn()")
        behind = f"SELECT pg_wal_lsn_diff('{written}', pg_last_wal_replay_lsn()) > 0"
        _until("the standby is in step", lambda: self.follower.execute(behind) == "f")


def valkey_service(folder: Path, program: Path | None = None) -> ValkeyService:
    """Two servers, in step."""
    primary = Valkey(folder / "first", program=program, settings={"repl-diskless-sync-delay": "0"}).start()
    link = Proxy([primary.port]).start()
    follower = Valkey(folder / "second", program=program, settings={"replicaof": f"{HOST} {link.port}"}).start()
    service = ValkeyService(primary, follower, link)
    service.until_in_step()
    return service


def postgres_service(primary: Postgres, folder: Path) -> PostgresService:
    """A running primary, and a standby made of a base backup of it, in step."""
    link = Proxy([primary.port]).start()
    follower = Postgres(folder / "second", bin_folder=primary.home.bin, settings=_following(link))
    _back_up(primary, follower)
    service = PostgresService(primary, follower.start(), link)
    service.until_in_step()
    return service


def _following(link: Proxy) -> dict[str, str]:
    return {
        "fsync": "off",
        "max_connections": "200",
        "primary_conninfo": f"host={HOST} port={link.port} user={SUPERUSER} connect_timeout=2",
        "wal_retrieve_retry_interval": "100ms",
    }


def _back_up(primary: Postgres, follower: Postgres) -> None:
    home = follower.home
    where = ["-h", HOST, "-p", str(primary.port), "-U", SUPERUSER, "-D", str(home.data)]
    command = [str(home.bin / "pg_basebackup"), *where, "-X", "stream", "-c", "fast", "-R", "--no-sync"]
    account = home.account
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        timeout=BACKUP_S,
        cwd=home.data,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    )


def _until(what: str, check: Callable[[], bool]) -> None:
    until = time.monotonic() + CATCH_UP_S
    while True:
        with contextlib.suppress(OSError):
            if check():
                return
        assert time.monotonic() < until, f"not within {CATCH_UP_S} s: {what}"
        time.sleep(POLL_S)
