"""The schema: migrations bring it, models agree with it, and nobody is hurt who brings it twice."""

import asyncio

import asyncpg
import pytest

from allocator.adapters import migrate as migrating
from allocator.adapters.migrate import differences, migrate
from allocator.adapters.postgres import PostgresLedger
from allocator.ports import Unavailable
from support import free_port
from support.assembly import TESTS
from support.next_schema import REVISION


def schema(postgres_server, url):
    """Everything that the catalogue knows of our tables."""
    del postgres_server
    return asyncio.run(_described(url))


async def _described(url):
    def look(connection):
        statement = """
            SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
            WHERE table_schema = 'public'
            UNION ALL SELECT tablename, indexname, indexdef, '' FROM pg_indexes WHERE schemaname = 'public'
            UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), '' FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2, 3
        """
        return connection.exec_driver_sql(statement).all()

    return await migrating._with_connection(url, look)


def test_the_models_and_the_migrations_agree(database_url):
    asyncio.run(migrate(database_url))
    assert asyncio.run(differences(database_url)) == []


def test_without_migrations_they_do_not(database_url):
    assert asyncio.run(differences(database_url)) != []


def test_a_second_run_changes_nothing(database_url, postgres_server):
    before, after = asyncio.run(migrate(database_url))
    assert before is None
    first = schema(postgres_server, database_url)
    assert asyncio.run(migrate(database_url)) == (after, after)
    assert schema(postgres_server, database_url) == first


def test_a_second_run_leaves_rows_alone(database_url):
    asyncio.run(migrate(database_url))

    async def work():
        ledger = PostgresLedger(database_url, 3.0)
        assert await ledger.begin_term("a") == 1
        await migrate(database_url)
        assert await ledger.begin_term("a") == 2
        await ledger.close()

    asyncio.run(work())


def test_several_at_once_wait_for_one_another(database_url):
    async def work():
        return await asyncio.gather(*(migrate(database_url) for _ in range(4)))

    done = asyncio.run(work())
    assert sum(before is None for before, _ in done) == 1
    assert len({after for _, after in done}) == 1


def test_a_newer_schema_than_ours_is_left_alone(database_url):
    asyncio.run(migrate(database_url))

    async def work():
        def newer(connection):
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'r9999'")

        await migrating._with_connection(database_url, newer)
        return await migrate(database_url)

    assert asyncio.run(work()) == ("r9999", "r9999")


def test_a_database_that_is_away_is_unavailable():
    with pytest.raises(Unavailable):
        asyncio.run(migrate(f"postgresql://antre@127.0.0.1:{free_port()}/antre"))


def test_the_command_says_what_it_did(processes, database_url):
    for said in ('"before": null', '"before": "r'):
        done = processes.run("allocator", "migrate", env={"DATABASE_URL": database_url})
        assert done.status == 0, done.output
        assert said in done.output


def test_the_command_waits_for_a_database_that_is_just_being_started(processes, database_url, postgres_server):
    postgres_server.kill()
    running = processes.start("allocator", "migrate", env={"DATABASE_URL": database_url})
    with pytest.raises(Exception, match="timed out"):
        running.wait(timeout_s=1.5)
    postgres_server.start()
    assert running.wait(timeout_s=20) == 0, running.output


async def test_nobody_waits_behind_a_migration_that_waits(processes, database_url, tmp_path):
    """A long reading keeps it from the lock it needs; who comes next would queue behind it."""
    await migrate(database_url)
    reader, other = [await asyncpg.connect(database_url) for _ in range(2)]
    reading = reader.transaction()
    await reading.start()
    await reader.execute("SELECT count(*) FROM session")
    env = {"DATABASE_URL": database_url, "PYTHONPATH": str(TESTS)}
    migrating = processes.start("python", "-m", "support.next_schema", str(tmp_path), env=env)
    await asyncio.to_thread(migrating.wait_output, "not_migrated_yet")
    await other.execute("SET statement_timeout = '10s'")
    await other.execute("SELECT count(*) FROM session")
    await reading.rollback()
    assert await asyncio.to_thread(migrating.wait, timeout_s=30) == 0, migrating.output
    assert await other.fetchval("SELECT version_num FROM alembic_version") == REVISION
    for connection in (reader, other):
        await connection.close()


def test_the_command_without_a_database_says_so_in_one_sentence(processes):
    done = processes.run("allocator", "migrate")
    assert done.status == 2
    assert done.output.startswith("allocator: DATABASE_URL is not set")
    assert done.output.count("\n") == 1
