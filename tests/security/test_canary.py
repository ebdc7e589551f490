"""No name, address, text or secret is written down anywhere: a system with faults, then a search of every place."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from base64 import b64encode
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import asyncpg
import msgspec
import pytest

from security import nasty, places
from security.campaign import STAMP, TRANSLATIONS
from security.door import request, says
from security.haunted import IDENTITIES, Words, database_url, haunted, stores, system_of
from support import free_port
from support.collector import Collector
from support.judgement import OF_CUSTOMERS
from support.ledger import rows

TROUBLES = {
    "error_5xx": 0.1,
    "too_many": 0.05,
    "retry_after_s": 0.2,
    "effect_then_timeout": 0.1,
    "hang_s": 1.5,
    "html_answer": 0.1,
    "half_json": 0.1,
    "other_shape": 0.5,
    "redirect": 0.05,
    "refuse_agent": 0.1,
    "forbidden_traceid": 0.02,
}
CUSTOMERS = 11
PATIENCE_S = 60.0
GHOSTS = ("900000001", "900000002")
BINARY = {"files of Redis", "files of Postgres"}
"""Where a short name may stand by chance."""


@pytest.fixture
def words():
    return Words()


@pytest.fixture
def traces():
    made = Collector()
    yield made
    made.stop()


@pytest.fixture
def system(words, store_folder, tmp_path, processes, traces):
    given = [os.environ.get(name) for name in ("ANTRE_TEST_POSTGRES_BIN", "ANTRE_TEST_REDIS_SERVER")]
    with stores(store_folder / f"haunted-{words.tail}", words, *(Path(one) if one else None for one in given)) as made:
        system = system_of(words, tmp_path, processes, *made, traces=traces.endpoint)
        try:
            system.start()
            yield system
        finally:
            processes.end_all()
            system.stop()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_word_of_a_customers_and_no_secret_is_written_down_anywhere(system, words, processes, traces):
    try:
        answers = serve_and_hurt(system, words)
    except AssertionError as error:
        error.add_note(system.story())
        raise
    start_what_cannot_start(system, words, processes)
    looks = all_places(system, processes, answers) | {"traces": lambda: [("a batch", one) for one in traces.bodies]}
    assert places.found(looks, words.all) == []
    assert strangers(looks) == []
    assert {place for place, _, _ in places.found(looks, [next(iter(system.apps))])} >= {
        "keys of Redis",
        "tables",
        "traces",
    }
    traces.bodies.append(words["planted"].encode())
    with planted(system, words["planted"], looks, answers):
        assert {place for place, _, _ in places.found(looks, [words["planted"]])} == set(looks)


def serve_and_hurt(system, words):
    """Customers come and go while nearly everything goes wrong; what was answered to those who were refused."""
    app = next(iter(system.apps))
    rooms = system.customers(CUSTOMERS, send=False)
    system.traffic(6)
    system.faults(**TROUBLES)
    answers = tell(system, words, nasty.ALLOCATION, app, [*rooms, *GHOSTS]) + refusals(system, words, app)
    time.sleep(1.5)
    system.faults(unauthorized=1.0)
    answers += break_stores(system, words, app)
    system.platform.calm()
    system.must("all who wrote are served", lambda: set(rooms) <= served(system), within_s=60)
    answers += tell(system, words, nasty.RESOLVE, app, [*rooms, *GHOSTS])
    system.traffic(0)
    system.must("their resolves are recorded", lambda: set(rooms) <= resolved(system), within_s=60)
    return answers


def served(system):
    return {entry["room"] for entry in system.platform.assigned()}


def resolved(system):
    statement = "SELECT room FROM event WHERE kind = 'room_resolved'"
    return {row["room"] for row in rows(system.database_url, statement)}


def tell(system, words, path, app, rooms):
    """Every recorded form of a webhook, one for each room and then some."""
    bodies = [body for room in rooms for body in haunted(words, path, app, room)]
    count = len(bodies) // len(rooms)
    chosen = [bodies[place * count + place % count] for place in range(len(rooms))]
    return ask(system, [request(f"{path}/{system.tokens[app]}?{words['query']}", body) for body in chosen])


def refusals(system, words, app):
    """Whatever is refused, with words in every part of it."""
    token = system.tokens[app]
    body = next(haunted(words, nasty.ALLOCATION, app, "1"))
    foreign = next(haunted(words, nasty.ALLOCATION, "somebody-else", "1"))
    path, header = f"{nasty.ALLOCATION}/{token}", f"x-{words['header']}: {words['header']}\r\n".encode()
    return ask(
        system,
        [
            request(f"{nasty.ALLOCATION}/{words['wrongtoken']}", body),
            request(f"/{words['query']}/{words['query']}?{words['query']}", body),
            request(path, body[:-20]),
            request(path, body.replace(b'"room_id": "1"', f'"room_id": "{words["email"]}@x"'.encode())),
            request(path, body.replace(b'"room_id": "1"', f'"room_id": ["{words["name"]}"]'.encode())),
            request(path, foreign),
            request(path, body + b" " * 70_000),
            request(path, body).replace(b"POST", b"GET", 1).replace(b"host: a\r\n", b"host: a\r\n" + header),
            request(path, body).replace(b"host: a\r\n", header + words["header"].encode() + b"\r\n"),
            request(path, body).replace(b"content-length: ", b"content-length: 9"),
            f"{words['nonsense']}\r\n\r\n".encode(),
        ],
    )


def ask(system, requests):
    """What a gateway answers, byte by byte."""

    async def all_of_them():
        return await asyncio.gather(*(says(system.assembly.door, [one]) for one in requests))

    return [("an answer", answer) for answer in asyncio.run(all_of_them())]


def break_stores(system, words, app):
    """Redis away, then Postgres; both come back."""
    system.redis.pause()
    answers = tell(system, words, nasty.ALLOCATION, app, ["900000003"] * 3)
    system.redis.resume()
    system.redis.kill()
    answers += tell(system, words, nasty.ALLOCATION, app, ["900000004"] * 3)
    system.redis.start()
    system.postgres.stop_immediately()
    answers += tell(system, words, nasty.ALLOCATION, app, ["900000005"])
    time.sleep(1.0)
    system.postgres.start()
    return answers


def start_what_cannot_start(system, words, processes):
    """Processes with wrong secrets, wrong addresses, wrong settings: what they say before they end."""
    env = dict(system.parts["allocator-1"].env)
    wrong = words["wrongpassword"]
    bad_redis = f"redis://antre_app:{wrong}@127.0.0.1:{system.redis.port}/0"
    bad_database = {"DATABASE_URL": database_url(system.postgres, wrong)}
    settings = [
        ("webhook-gateway", {"REDIS_URL": f"redis://:{wrong}@127.0.0.1:none/0"}),
        ("webhook-gateway", {"REDIS_URL": f"{bad_redis}?{wrong}=1"}),
        ("webhook-gateway", {"ANTRE_WEBHOOK_TOKENS": f"{wrong} {wrong}"}),
        ("webhook-gateway", {"REDIS_URL": bad_redis}),
        ("allocator allocate", {"DATABASE_URL": f"mysql://x:{wrong}@127.0.0.1/x"}),
        ("allocator allocate", {"REDIS_URL": bad_redis}),
        ("allocator allocate", bad_database),
        ("allocator migrate", bad_database),
    ]
    begun = [
        processes.start(*command.split(), env={**env, **own_ports(), **changes}, name=f"wrong-{number}")
        for number, (command, changes) in enumerate(settings)
    ]
    for one in begun[:-1]:  # the last one waits for its database for a minute, and says nothing
        until = time.monotonic() + PATIENCE_S
        while not one.output:
            assert time.monotonic() < until, f"{one.name} said nothing"
            time.sleep(0.1)
    assert all(one.wait(timeout_s=PATIENCE_S) == 2 for one in (*begun[:3], begun[4]))
    for one in begun:
        one.process.kill()


def own_ports():
    return {"ANTRE_METRICS_PORT": str(free_port()), "ANTRE_HTTP_PORT": str(free_port()), "ANTRE_HTTP_HOST": "127.0.0.1"}


def all_places(system, processes, answers):
    """Every place, by its name. The simulator is not ours, and its options hold its secret."""
    simulator = system.running["simulator"]
    return {
        "logs": lambda: places.of_logs(processes, but=simulator.name),
        "pages": lambda: places.of_pages(system),
        "answers": lambda: answers,
        "command lines": lambda: places.of_command_lines(but=simulator.pid),
        "keys of Redis": lambda: places.of_redis(system.redis),
        "files of Redis": lambda: places.of_files(system.redis.data),
        "log of Redis": lambda: places.of_servers_log(system.redis),
        "tables": lambda: places.of_tables(system.database_url),
        "files of Postgres": lambda: places.of_files(system.postgres.home.data),
        "log of Postgres": lambda: places.of_servers_log(system.postgres),
    }


def strangers(looks):
    """What the simulator's own customers and agents are called, wherever that is found."""
    texts = [
        (place, where, data.decode(errors="replace"))
        for place in looks.keys() - BINARY
        for where, data in looks[place]()
    ]
    return [(place, where, match.group()) for place, where, text in texts for match in OF_CUSTOMERS.finditer(text)]


@contextmanager
def planted(system, word, looks, answers):
    """Put ``word`` into every place, by hand."""
    with a_page_with(word) as port, a_process_with(word):
        system.parts["planted"] = replace(system.parts["gateway-1"], port=port, metrics_port=0)
        answers.append(("an answer", asyncio.run(says(port, [b"GET / HTTP/1.0\r\n\r\n"]))))
        system.redis.execute("SET", "planted", word)
        system.postgres.execute("SELECT 1")
        asyncio.run(plant_in_tables(system.database_url, word))
        for file in (system.running["allocator-1"].log, system.redis.log):
            with file.open("a") as log:
                log.write(f"{word}\n")
        yield


async def plant_in_tables(url, word):
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE planted (word text)")
    await connection.execute("INSERT INTO planted VALUES ($1)", word)
    await connection.execute("CHECKPOINT")  # into its file: in the log of changes a page may end in the middle of it
    await connection.close()


@contextmanager
def a_page_with(word):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(word.encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@contextmanager
def a_process_with(word):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", word]) as process:
        yield
        process.kill()


def test_a_word_is_found_in_whatever_form_it_was_written_down():
    word, data = "KanarinameX1", b"KanarinameX1"
    written = [
        data,
        data.lower(),
        data.upper(),
        data.hex().encode(),
        *(b64encode(b"_" * n + data + b"tail") for n in range(3)),
    ]
    looks = {str(number): lambda text=text: [("here", b"{" + text + b"}")] for number, text in enumerate(written)}
    assert len(places.found(looks, [word])) == len(written)
    assert places.found(looks, ["Kanariemail"]) == []


def test_every_text_of_every_recorded_webhook_is_replaced():
    words = Words()
    for path in (nasty.ALLOCATION, nasty.RESOLVE):
        for sample, body in zip(nasty.samples(path), haunted(words, path, "sim-app1", "7"), strict=True):
            content = json.loads(body)
            assert TRANSLATIONS[path](body, msgspec.structs.replace(STAMP, app="sim-app1")).room == "7"
            texts = [nasty.at(content, leaf) for leaf in nasty.fields(json.loads(sample)) if leaf[-1] not in IDENTITIES]
            assert all(
                words.tail in text or str(int(words.tail, 16)) in text for text in texts if isinstance(text, str)
            )
