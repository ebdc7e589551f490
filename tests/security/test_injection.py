"""Statements, headers and log lines in every field that a stranger may fill: they stay texts, or are refused."""

import asyncio
import itertools
import json
import logging
import re

import pytest
from integration.allocator.conftest import APP as LEDGERS_APP
from integration.webhook_gateway.talk import TOKEN

from chassis import logs
from contract import AppId, Event, RoomWaiting
from security import nasty
from security.campaign import STAMP, TRANSLATIONS
from security.door import check_answers, posts, request, says
from support.ledger import rows

LINE_OF_TEXT = re.compile(r"\d{4}-\d\d-\d\dT?[ \d:.]+Z? \[\w+ *\] .+")
IDENTIFIER = re.compile(r"[0-9A-Za-z_.:/-]*")
LARGEST = 65_536
READ = {"room_id", "app_id", "app_code", "source", "id", "is_resolved"}
"""Fields that are read at all; of the texts for the others a share will do."""
TEXTS = [text for text in nasty.TEXTS.values() if isinstance(text, str)]


def cases(app):
    """For every text field of either webhook, every text that hurts: the path it goes to, the body, its own room."""
    numbers = itertools.count(1)
    for path in (nasty.ALLOCATION, nasty.RESOLVE):
        for content, field in one_sample_for_each_field(path, app):
            for text in TEXTS[:: 1 if field[-1] in READ else 4]:
                room = f"room-{next(numbers)}"
                yield path, as_bytes(nasty.put(at_room(content, room), field, text), room)


def one_sample_for_each_field(path, app):
    found = {}
    for sample in map(json.loads, nasty.samples(path)):
        content = of_app(sample, app)
        found |= {field: content for field in nasty.fields(content) if isinstance(nasty.at(content, field), str)}
    return [(content, field) for field, content in found.items()]


def of_app(content, app):
    return content | {name: app for name in ("app_id", "app_code") if name in content}


def at_room(content, room):
    if "service" in content:
        return content | {"service": content["service"] | {"room_id": room}}
    return content | {"room_id": room}


def as_bytes(content, room):
    """Half of them in escapes, half of them as they are."""
    text = json.dumps(content, ensure_ascii=room[-1] in "02468")
    return text.encode("utf-8", "surrogatepass")


def fact_of(path, body):
    stamp = type(STAMP)(app=AppId(LEDGERS_APP), id=STAMP.id, received_ms=STAMP.received_ms)
    return TRANSLATIONS[path](body, stamp)


async def test_through_every_field_of_both_webhooks_rows_are_as_they_should_be_or_there_are_none(
    start, world, schema_url
):
    gateway = start(QISCUS_APP_ID=LEDGERS_APP, ANTRE_WEBHOOK_TOKENS=TOKEN)
    made = [one for one in cases(LEDGERS_APP) if len(one[1]) <= LARGEST]
    facts = [fact_of(path, body) for path, body in made]
    replies = await posts(gateway.port, [request(f"{path}/{TOKEN}", body) for path, body in made])
    assert [reply.status == 200 for reply in replies] == [isinstance(fact, Event) for fact in facts]
    assert {reply.status for reply in replies} == {200, 400, 403}
    async with world.leading() as leader:
        await world.until(world.is_read, timeout_s=30)
        assert leader._failing_since is None
    assert world.watch.aside == []
    events = [fact for fact in facts if isinstance(fact, Event)]
    waiting = [one for one in events if isinstance(one, RoomWaiting)]
    assert await column(schema_url, "room", "event") == sorted(one.room for one in events)
    assert await column(schema_url, "room", "session") == sorted(one.room for one in waiting)
    assert all(IDENTIFIER.fullmatch(lane) for lane in await column(schema_url, "lane", "session"))
    must_be_lines_of_json(gateway.running.output)


async def column(url, name, table):
    found = await asyncio.to_thread(rows, url, f"SELECT {name} FROM {table}")
    return sorted(row[name] for row in found)


HOSTILE = [
    "\r\nX-Forged: yes",
    "%0d%0aX-Forged:%20yes",
    "%0aevent=forged",
    "\x1b[31mred",
    "%1b%5b31mred",
    '"}%0a{"event":"forged"}',
    "%00",
    "\x00",
    "%s%n{0}{event}",
    "${jndi:ldap://forged}",
    "'; DROP TABLE session; --",
    "%F0%9F%98%80%E2%80%AE%E2%80%A8",
    "\xff\xfe\u0085".encode().decode("latin-1"),
    "A" * 12_000,
]


def heads():
    """Requests with something hostile in their path, their query, the names and the contents of their headers."""
    right = f"{nasty.ALLOCATION}/{TOKEN}"
    for text in HOSTILE:
        for path in (f"{nasty.ALLOCATION}/{text}", f"{right}/{text}", f"/{text}", f"{right}?{text}", f"{right}#{text}"):
            yield f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{{}}"
        for name in ("host", "user-agent", "x-forwarded-for", "content-type", "x-request-id", "traceparent", "cookie"):
            yield f"POST {right} HTTP/1.1\r\nhost: a\r\n{name}: {text}\r\ncontent-length: 2\r\n\r\n{{}}"
        yield f"POST {right} HTTP/1.1\r\nhost: a\r\nx-{text}: x\r\ncontent-length: 2\r\n\r\n{{}}"
        yield f"{text} {right} HTTP/1.1\r\nhost: a\r\n\r\n"
        yield f"GET /livez{text} HTTP/1.1\r\nhost: {text}\r\n\r\n"


@pytest.mark.parametrize("log_format", ["json", "text"])
async def test_no_header_and_no_line_of_the_log_can_be_forged(start, log_format):
    gateway = start(ANTRE_WEBHOOK_TOKENS=TOKEN, ANTRE_LOG_FORMAT=log_format)
    requests = [head.encode("latin-1") for head in heads()]
    for some in (requests[start : start + 30] for start in range(0, len(requests), 30)):
        for received in await asyncio.gather(*(says(gateway.port, [one]) for one in some)):
            check_answers(received)  # knows all headers that there are
            assert b"forged" not in received.lower()
    bodies = [request(f"{path}/{TOKEN}", body) for path, body in list(cases("demoo-a1b2c3d4e5f6g7h"))[::40]]
    await posts(gateway.port, bodies)
    log = gateway.running.output
    assert "forged" not in log.lower()
    assert "jndi" not in log
    (must_be_lines_of_json if log_format == "json" else must_be_lines_of_text)(log)


@pytest.fixture
def as_before():
    """The logs of this process as they were, afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def must_be_lines_of_json(log):
    assert log.endswith("\n")
    for line in log.split("\n")[:-1]:
        assert line.isascii()
        assert line.isprintable()
        content = json.loads(line)
        assert {"event", "level", "logger", "timestamp"} <= content.keys()
        assert content["level"] != "error"


def must_be_lines_of_text(log):
    lines = log.split("\n")
    assert len(lines) > 10
    for line in lines[:-1]:
        assert line.isascii()
        assert line.isprintable()
        assert LINE_OF_TEXT.fullmatch(line), line


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_line_of_the_log_stays_one_line_whatever_is_in_it(capsys, log_format, text, as_before):
    logs.configure(log_format, "info")
    logs.logger("some.where").info("something", why=text, **{"name of ours": text})
    written = capsys.readouterr().out
    assert written.count("\n") == 1
    assert "\x1b" not in written
    assert written[:-1].isprintable()
