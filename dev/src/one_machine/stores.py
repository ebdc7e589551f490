"""PostgreSQL and Valkey (or Redis) of our own, each one child process on a loopback port.

    with Postgres(folder / "postgres") as postgres, Valkey(folder / "valkey") as valkey:
        run(postgres.create_database("antre"), valkey.url)

The programs come out of wheels, so nothing needs to be installed; `Postgres(bin_folder=…)` and
`Valkey(program=…)` use what the machine has. Data survives `stop`, `kill` and `restart`, and the
port stays the same. For development and tests: loopback only, no passwords.
"""

from one_machine.postgres import Postgres
from one_machine.store import Store, StoreError
from one_machine.valkey import Valkey, ask

__all__ = ["Postgres", "Store", "StoreError", "Valkey", "ask"]
