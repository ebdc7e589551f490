"""The fuzzer itself: doors and translations that are wrong on purpose are caught."""

import asyncio
from contextlib import asynccontextmanager
from random import Random
from types import SimpleNamespace

import msgspec
import pytest
from integration.webhook_gateway.talk import Gateway

from contract import RoomWaiting
from security import campaign, nasty
from security.campaign import TRANSLATIONS, Body, Campaign, Failed, Stream, save, saved
from security.door import Wrong, check_answers, says
from security.fuzz import check_what_is_left
from security.mutation import BODY_MAX, mutated
from security.streams import stream
from security.ways import Ways
from webhook_gateway import translate

WEBHOOK = Body(nasty.ALLOCATION, b'{"room_id": "1"}')
ACCEPTED = b'HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n{"status":"accepted"}'


@asynccontextmanager
async def door(answer):
    """A campaign against a door that gives ``answer`` to everything and hangs up."""

    async def serve(reader, writer):
        await reader.read(100)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        running = SimpleNamespace(status=None, output="", pid=1)
        gateway = Gateway(running, server.sockets[0].getsockname()[1], 0)
        yield gateway


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n", "500"),
        (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", "when to come again"),
        (b"HTTP/1.1 200 OK\r\nx-forged: yes\r\ncontent-length: 0\r\n\r\n", "x-forged"),
        (b'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"status":"ignored"}', "the translation says 200 accepted"),
        (ACCEPTED, "1 events were acknowledged and 0 are in Redis"),
        (b"", "was not answered"),
        (b"hello\r\n\r\n", "none of ours"),
    ],
)
async def test_a_wrong_answer_to_a_webhook_is_caught(redis_url, store, answer, why):
    async with door(answer) as gateway:
        with pytest.raises(Failed, match=why) as caught:
            await Campaign(gateway, store, Random(1)).try_all([WEBHOOK])
    assert caught.value.inputs == [WEBHOOK]


async def test_a_wrong_answer_to_a_broken_request_is_caught(redis_url, store):
    one = Stream((b"nonsense",))
    async with door(b"HTTP/1.1 500 Internal Server Error\r\n\r\n") as gateway:
        with pytest.raises(Failed, match="500") as caught:
            await Campaign(gateway, store, Random(1)).try_all([one])
    assert caught.value.inputs == [one]


async def test_an_end_of_the_gateway_is_caught(redis_url, store):
    async with door(b"") as gateway:
        gateway.running.status = -11
        with pytest.raises(Failed, match="ended with -11"):
            await Campaign(gateway, store, Random(1)).try_all([Stream((b"x",))])


async def test_a_connection_that_stays_open_is_caught(monkeypatch):
    monkeypatch.setattr("security.door.ANSWER_S", 0.2)
    server = await asyncio.start_server(lambda *_: asyncio.sleep(2), "127.0.0.1", 0)
    async with server:
        with pytest.raises(Wrong, match="still open"):
            await says(server.sockets[0].getsockname()[1], [b"x"])


@pytest.mark.parametrize("answers", [b"garbage", ACCEPTED + b"HTTP/1.1 2x0 OK\r\n\r\n", b"HTTP/1.1 302 Found\r\n\r\n"])
def test_what_is_no_answer_is_caught(answers):
    with pytest.raises(Wrong):
        check_answers(answers)


def test_several_answers_are_read():
    assert check_answers(b"HTTP/1.1 100 Continue\r\n\r\n" + ACCEPTED + ACCEPTED) == [200, 200]


def raises(_body, _stamp):
    raise KeyError("room_id")


def leaks(_body, stamp):
    event = RoomWaiting(id=stamp.id, app=stamp.app, room="1", received_ms=0, source="wa")
    msgspec.structs.force_setattr(event, "room", "Jane Doe")
    return event


@pytest.mark.parametrize("wrong", [raises, leaks, lambda *_: None])
def test_a_wrong_translation_is_caught(monkeypatch, wrong):
    monkeypatch.setitem(TRANSLATIONS, nasty.ALLOCATION, wrong)
    with pytest.raises(Failed):
        campaign.translated(WEBHOOK)


@pytest.mark.parametrize(
    ("output", "grown_mb", "why"),
    [
        ("Traceback (most recent call last):", 0.0, "traceback"),
        ('{"event": "fault"}', 0.0, "a fault of ours"),
        ('{"path": "canary-token-new-0001"}', 0.0, "the secret"),
        ('{"name": "customer17@example.com"}', 0.0, "customer17"),
        ("", 500.0, "grew by"),
    ],
)
def test_what_a_campaign_leaves_behind_is_caught(monkeypatch, output, grown_mb, why):
    monkeypatch.setattr(Gateway, "metrics", lambda _: "")
    gateway = Gateway(SimpleNamespace(status=None, output=output, pid=1), 0, 0)
    with pytest.raises(Failed, match=why):
        check_what_is_left(gateway, grown_mb)


def test_what_was_saved_is_what_is_tried_again(tmp_path):
    inputs = [Body(nasty.RESOLVE, bytes(range(256))), Stream((b"\xff\x00", b"", b"x"))]
    save(inputs, tmp_path / "inputs.json")
    assert saved(tmp_path / "inputs.json") == inputs


def test_one_seed_gives_the_same_inputs_and_another_gives_others():
    made = lambda seed: [mutated(random, nasty.everything()) for random in [Random(seed)] for _ in range(50)]  # noqa: E731
    assert made(1) == made(1) != made(2)
    assert max(map(len, made(1))) <= BODY_MAX
    assert stream(Random(3), "token", b"{}") == stream(Random(3), "token", b"{}")


def test_a_way_is_new_once():
    ways = Ways(translate)
    valid, other = b'{"room_id": "1"}', b"{}"
    tried = [
        ways.is_new(lambda data=data: campaign.translated(Body(nasty.ALLOCATION, data)))
        for data in (valid, valid, other)
    ]
    assert tried == [True, False, True]
