"""What the next version's `allocator migrate` will be like: `python -m support.next_schema FOLDER`.

The migrations as they are, and one more after the newest, which does what a next version may do while the version
before it serves: it adds.
"""

import asyncio
import os
import shutil
import sys
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

import allocator.migrations
from allocator.adapters import migrate as production
from allocator.commands.migrate import migrated

REVISION = "next"
_OF_TODAY = Path(allocator.migrations.__file__).parent
_FILE = '''"""What a next version may add."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{head}"


def upgrade() -> None:
    """A column that may be empty, one with a default, an index, a table."""
    op.add_column("session", sa.Column("next_hint", sa.String(), nullable=True))
    op.add_column("event", sa.Column("next_weight", sa.Integer(), nullable=False, server_default="1"))
    op.create_index("next_session_by_hint", "session", ["next_hint"])
    op.create_table("next_note", sa.Column("id", sa.BigInteger(), primary_key=True))
'''


def migration() -> str:
    """The text of the migration after the newest of this checkout."""
    config = Config()
    config.set_main_option("script_location", str(_OF_TODAY))
    head = ScriptDirectory.from_config(config).get_current_head()
    return _FILE.format(revision=REVISION, head=head)


def written_to(folder: Path) -> Path:
    """A folder with all migrations and the next one."""
    migrations = folder / "migrations"
    shutil.copytree(_OF_TODAY, migrations)
    (migrations / "versions" / f"{REVISION}.py").write_text(migration())
    return migrations


def main() -> None:
    """Migrate the database at `DATABASE_URL` with the production's own code, in its own way."""
    migrations = written_to(Path(sys.argv[1]))
    of_today = production._config  # the seam: where the migrations are

    def with_the_next(connection: Connection) -> Config:
        config = of_today(connection)
        config.set_main_option("script_location", str(migrations))
        return config

    production._config = with_the_next
    sys.stdout.write(f"{asyncio.run(migrated(os.environ['DATABASE_URL']))}\n")


if __name__ == "__main__":
    main()
