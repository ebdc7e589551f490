"""What all runs share: the stores, a database with our schema to be copied, the nursery of processes."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from one_machine.stores import Postgres, Valkey

from .launch import Nursery, Order

POSTGRES_SETTINGS = {"fsync": "off", "max_connections": "300"}
"""A killed process loses nothing that the kernel has; the servers live through a sweep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The stores and the nursery. ``template``: a database with our schema and no rows."""

    folder: Path
    postgres: Postgres
    redis: Valkey
    template: str
    nursery: Nursery

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of a database of one's own."""
        name = f"crash_{uuid.uuid4().hex}"
        self.postgres.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self.template}"')
        try:
            yield self.postgres.url_of(name)
        finally:
            self.postgres.drop_database(name)


@contextmanager
def bench_on(folder: Path, postgres: Postgres, redis: Valkey) -> Iterator[Bench]:
    """A bench on servers that run."""
    template, nursery = f"template_{uuid.uuid4().hex}", Nursery()
    env = {"DATABASE_URL": postgres.create_database(template)}
    migration = nursery.start(Order(command="allocator", words=("migrate",), env=env, log=folder / "migrate.log"))
    assert migration.wait() == 0, migration.output
    try:
        yield Bench(folder=folder, postgres=postgres, redis=redis, template=template, nursery=nursery)
    finally:
        postgres.drop_database(template)


@contextmanager
def whole_bench() -> Iterator[Bench]:
    """A bench with servers of its own, chosen as the tests choose theirs."""
    with tempfile.TemporaryDirectory(prefix="antre-crash-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # the account of a server must reach its data
        programs, server = os.environ.get("ANTRE_TEST_POSTGRES_BIN"), os.environ.get("ANTRE_TEST_REDIS_SERVER")
        postgres = Postgres(
            folder / "postgres", bin_folder=Path(programs) if programs else None, settings=POSTGRES_SETTINGS
        )
        redis = Valkey(folder / "redis", program=Path(server) if server else None)
        try:
            with bench_on(folder, postgres.start(), redis.start()) as bench:
                yield bench
        finally:
            postgres.remove()
            redis.remove()
