"""A whole system in which every name, address, text and secret is a word that is nowhere else."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from one_machine.ports import HOST
from one_machine.stores import Postgres, Valkey
from security import nasty
from support import Processes
from support.system import Shape, System

ROLE = "antre_app"
IDENTITIES = {"room_id", "app_id", "app_code", "source", "id", "type", "type_as_string"}
"""Fields with names of the platform's; every other text of a payload may be a customer's or an agent's."""
OF_A_PAYLOAD = ("name", "email", "phone", "message", "avatar", "extra", "notes", "comment", "staff", "key")


@dataclass(frozen=True, slots=True)
class Words:
    """The words, made anew for every run."""

    tail: str = field(default_factory=lambda: secrets.token_hex(8))
    seed: int = field(default_factory=lambda: secrets.randbelow(2**52) + 2**50)

    def __getitem__(self, name: str) -> str:
        """A word by its name; letters and digits only, so that no encoding changes it."""
        return f"62{int(self.tail, 16):020d}" if name == "phone" else f"Kanari{name}{self.tail}"

    @property
    def all(self) -> list[str]:
        """Every word that must be nowhere, the secrets of :class:`~support.system.System` with them."""
        ours = (
            "redispassword",
            "databasepassword",
            "wrongpassword",
            "wrongtoken",
            "traceskey",
            "header",
            "query",
            "nonsense",
        )
        return [*(self[name] for name in (*OF_A_PAYLOAD, *ours)), f"token-{self.seed}-of", f"secret-{self.seed}-of"]


def haunted(words: Words, path: str, app: str, room: str) -> Iterator[bytes]:
    """Every recorded body of a webhook, for ``room`` of ``app``, with words in all of its texts."""
    for sample in map(json.loads, nasty.samples(path)):
        for place, leaf in enumerate(nasty.fields(sample)):
            if isinstance(nasty.at(sample, leaf), str) and leaf[-1] not in IDENTITIES:
                text = words[OF_A_PAYLOAD[place % len(OF_A_PAYLOAD)]]
                nasty.at(sample, leaf[:-1])[leaf[-1]] = f"{text} <{text}@example.org> https://{text}.example.org/{text}"
        named = {name: app for name in ("app_id", "app_code") if name in sample}
        inner = {"service": sample["service"] | {"room_id": room}} if "service" in sample else {"room_id": room}
        yield json.dumps(sample | named | inner | extra(words)).encode()


def extra(words: Words) -> dict[str, Any]:
    """Fields that the platform does not send yet."""
    return {words["key"]: words["message"], "phone_number": words["phone"], "payload": {"text": words["message"]}}


@contextmanager
def stores(
    folder: Path, words: Words, bin_folder: Path | None, program: Path | None
) -> Iterator[tuple[Postgres, Valkey]]:
    """A PostgreSQL that asks for a password and logs every statement, a Valkey that asks for one too."""
    folder.mkdir(mode=0o755)
    postgres = Postgres(folder / "postgres", bin_folder=bin_folder, settings={"fsync": "off"})
    redis = Valkey(folder / "redis", program=program, settings={"aclfile": str(_acl(folder, words))})
    redis_settings = {"slowlog-log-slower-than": "0", "slowlog-max-len": "20000"}
    try:
        _guard(postgres.start(), words)
        redis.start()
        for name, text in redis_settings.items():
            redis.execute("CONFIG", "SET", name, text)
        yield postgres, redis
    finally:
        postgres.remove()
        redis.remove()


def _acl(folder: Path, words: Words) -> Path:
    file = folder / "users.acl"
    rights = "~* &* +@all"
    file.write_text(f"user default on nopass {rights}\nuser {ROLE} on >{words['redispassword']} {rights}\n")
    return file


def _guard(postgres: Postgres, words: Words) -> None:
    postgres.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{words['databasepassword']}'")
    postgres.execute(f"CREATE DATABASE haunted OWNER {ROLE}")
    rules = postgres.home.data / "pg_hba.conf"
    rules.write_text(f"host all {ROLE} {HOST}/32 scram-sha-256\n{rules.read_text()}")
    for name, text in {"log_statement": "all", "log_connections": "on"}.items():
        postgres.execute(f"ALTER SYSTEM SET {name} = '{text}'")
    postgres.execute("SELECT pg_reload_conf()")


def system_of(
    words: Words, folder: Path, processes: Processes, postgres: Postgres, redis: Valkey, *, traces: str
) -> System:
    """A system before these stores, with their passwords, that logs all it can, and sends ``traces`` there."""
    env = {
        "DATABASE_URL": database_url(postgres, words["databasepassword"]),
        "REDIS_URL": f"redis://{ROLE}:{words['redispassword']}@{HOST}:{redis.port}/0",
        "ANTRE_LOG_LEVEL": "debug",
        "OTEL_EXPORTER_OTLP_ENDPOINT": traces,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{words['traceskey']}",
    }
    done = processes.run("allocator", "migrate", env=env)
    assert done.status == 0, done.output
    shape = Shape(seed=words.seed, allocators=1, env=env)
    url = postgres.url_of("haunted")
    return System(shape, folder=folder, processes=processes, postgres=postgres, redis=redis, database_url=url)


def database_url(postgres: Postgres, password: str) -> str:
    """The address by which our processes reach the database."""
    return f"postgresql://{ROLE}:{password}@{HOST}:{postgres.port}/haunted"
