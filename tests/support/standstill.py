"""A transaction of the allocator that stands still at a chosen step, so that the server can be ended exactly there.

A trigger waits for a lock that somebody else holds. Locks die with the server: after a restart nobody waits. Or what
is committed waits for a standby that there is not: it is on the disk, and nobody is told.
"""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from one_machine.stores import Postgres
from support.ledger import value

LOCK = 77
STEPS: Mapping[str, str] = {
    "record": "CREATE TRIGGER stand_still BEFORE INSERT ON event FOR EACH ROW",
    "reserve": "CREATE TRIGGER stand_still BEFORE INSERT ON slot FOR EACH ROW",
    "settle": (
        "CREATE TRIGGER stand_still BEFORE UPDATE ON session FOR EACH ROW"
        " WHEN (OLD.state = 'reserved' AND NEW.state = 'assigned')"
    ),
    "commit": (
        "CREATE CONSTRAINT TRIGGER stand_still AFTER UPDATE ON session DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    ),
}
"""What a transaction is at, and the trigger that meets it there."""

_WAIT = f"""
CREATE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock_shared({LOCK}); RETURN NEW; END $$
"""


@contextmanager
def standing_still(server: Postgres, url: str, step: str) -> Iterator[Callable[[], bool]]:
    """Whoever comes to the step from now on waits there. Yields the question whether somebody does."""
    value(url, _WAIT)
    hold = ["-c", f"SELECT pg_advisory_lock({LOCK})", "-c", "SELECT pg_sleep(60)"]
    with subprocess.Popen(
        [str(server.home.bin / "psql"), "-XqAt", *hold, url], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()  # it has the lock
        value(url, f"{STEPS[step]} EXECUTE FUNCTION stand_still()")
        try:
            yield lambda: bool(value(url, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
        finally:
            holder.kill()


_AWAIT_STANDBY = """
CREATE FUNCTION await_standby() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM set_config('synchronous_commit', 'on', true); RETURN NEW; END $$
"""
_NO_STANDBY: Mapping[str, str] = {"synchronous_commit": "local", "synchronous_standby_names": "nobody"}
"""All commits are answered but those that ask for more."""


@contextmanager
def committed_unanswered(server: Postgres, url: str) -> Iterator[Callable[[], bool]]:
    """Whoever gives out a slot from now on has it on the server's disk, and no answer to COMMIT. Yields the question
    whether somebody is there; as soon as somebody is, the server's files forget it, for when it starts again.
    """

    def somebody_waits() -> bool:
        found = bool(value(url, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))
        if found:
            _forget(server)
        return found

    value(url, _AWAIT_STANDBY)
    value(url, "CREATE TRIGGER ask BEFORE INSERT ON slot FOR EACH ROW EXECUTE FUNCTION await_standby()")
    for name, setting in _NO_STANDBY.items():
        server.execute(f"ALTER SYSTEM SET {name} = '{setting}'")
    server.execute("SELECT pg_reload_conf()")
    try:
        yield somebody_waits
    finally:
        if server.is_running:  # it did not come to it
            _forget(server)
            server.execute("SELECT pg_reload_conf()")


def _forget(server: Postgres) -> None:
    for name in _NO_STANDBY:
        server.execute(f"ALTER SYSTEM RESET {name}")
