"""Databases with our schema in them, made quickly: one is migrated, the others are copies of it."""

import asyncio
import uuid
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from allocator.adapters.migrate import migrate
from one_machine.stores import Postgres

_TEMPLATE = "antre_schema"


def migrated_database(server: Postgres) -> str:
    """The name of a new database with the newest schema."""
    if not server.execute(f"SELECT 1 FROM pg_database WHERE datname = '{_TEMPLATE}'"):
        _run(migrate(server.create_database(_TEMPLATE)))
    name = f"test_{uuid.uuid4().hex}"
    server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{_TEMPLATE}" STRATEGY FILE_COPY')
    return name


def _run(work: Coroutine[Any, Any, object]) -> None:
    """Also from where an event loop runs already."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()
