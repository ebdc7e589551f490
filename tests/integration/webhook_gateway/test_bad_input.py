"""Whatever comes in, over real sockets: the right refusal, in time, and nothing of it in an answer or a log."""

import asyncio
import itertools
import json
from pathlib import Path

import pytest
from integration.webhook_gateway.talk import (
    ALLOCATION,
    APP,
    BODY_TIMEOUT_S,
    CUSTOMER,
    OLD_TOKEN,
    RESOLVE,
    TOKEN,
    request,
    rooms_in,
    until,
    waiting,
)

SAMPLES = Path(__file__).parents[2] / "fixtures" / "webhooks"
PATH = f"{ALLOCATION}/{TOKEN}"
BODY_MAX = 65_536
CHUNKED = b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"


async def test_every_recorded_webhook_is_taken_on_its_own_path_and_refused_on_the_other(gateway, store):
    for folder, right, wrong in (("caa", ALLOCATION, RESOLVE), ("resolve", RESOLVE, ALLOCATION)):
        for sample in (SAMPLES / folder).glob("*.json"):
            assert (await gateway.post(f"{right}/{TOKEN}", sample.read_bytes())).status == 200
            assert (await gateway.post(f"{wrong}/{TOKEN}", sample.read_bytes())).status == 400
    assert len(rooms_in(store)) == 18


async def test_other_webhooks_of_the_platform_are_refused(gateway, store):
    for path, sample in itertools.product((ALLOCATION, RESOLVE), (SAMPLES / "other").glob("*.json")):
        assert (await gateway.post(f"{path}/{TOKEN}", sample.read_bytes())).problem["status"] == 400
    assert rooms_in(store) == []


@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
async def test_no_token_a_wrong_one_and_no_such_path_are_the_same(gateway, store, method):
    bare = [ALLOCATION, RESOLVE, ALLOCATION + "/"]
    wrong = [
        f"{ALLOCATION}/wrong-token-00000",
        f"{ALLOCATION}/{TOKEN}x",
        f"{ALLOCATION}/{TOKEN.upper()}",
        f"{ALLOCATION}/{TOKEN}/{TOKEN}",
        f"{ALLOCATION}/%F0%9F%98",
        f"{ALLOCATION}x/{TOKEN}",
        f"{ALLOCATION}{TOKEN}",
    ]
    nowhere = ["/nowhere", f"/nowhere/{TOKEN}", f"{RESOLVE}s/{TOKEN}", "/"]
    data = json.dumps(waiting("1")).encode()
    answers = [await gateway.raw(request(method, path, data)) for path in bare + wrong + nowhere]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.body for answer in answers}) == 1
    assert len({tuple((name, value) for name, value in a.headers.items() if name != "date") for a in answers}) == 1
    assert rooms_in(store) == []


async def test_both_tokens_are_right(gateway, store):
    for number, token in enumerate((TOKEN, OLD_TOKEN)):
        assert (await gateway.post(f"{ALLOCATION}/{token}", waiting(str(number)))).status == 200
    assert rooms_in(store) == ["0", "1"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_other_methods_are_405_and_say_what_is_allowed(gateway, method):
    answer = await gateway.raw(
        request(method, PATH, b"" if method in {"GET", "HEAD"} else b"{}"), head=method == "HEAD"
    )
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "image/png", "application/json", ""]
)
async def test_json_is_read_whatever_the_type_says(gateway, store, kind):
    assert (await gateway.post(PATH, waiting("1"), content_type=kind)).status == 200
    assert rooms_in(store) == ["1"]


BAD = {
    "empty": (b"", "not-json"),
    "text": (CUSTOMER.encode(), "not-json"),
    "half": (f'{{"room_id": "1", "name": "{CUSTOMER}"'.encode(), "not-json"),
    "bad UTF-8": (b'{"room_id": "1", "name": "\xff"}', "not-json"),
    "a thousand deep": (b'{"room_id": "1", "x": ' + b"[" * 1000 + b"]" * 1000 + b"}", "not-json"),
    "sixty thousand deep": (b"[" * 60_000, "not-json"),
    "NaN": (b'{"room_id": NaN}', "not-json"),
    "a list": (b"[]", "wrong-shape"),
    "null": (b"null", "wrong-shape"),
    "no room": (json.dumps({"app_id": APP, "name": CUSTOMER}).encode(), "no-room-id"),
    "an address for a room": (json.dumps(waiting(CUSTOMER)).encode(), "bad-room-id"),
    "a room beyond 64 bits": (b'{"room_id": 99999999999999999999999999}', "bad-room-id"),
    "a room of 5,000 digits": (b'{"room_id": ' + b"9" * 5000 + b"}", "wrong-shape"),
    "a room that is true": (b'{"room_id": true}', "wrong-shape"),
    "a room that is 1e999": (b'{"room_id": 1e999}', None),
    "a room that is an object": (b'{"room_id": {"a": 1}}', "wrong-shape"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_body_is_400_and_says_what_is_wrong(gateway, store, name):
    data, kind = BAD[name]
    answer = await gateway.post(PATH, data)
    assert answer.status == 400
    assert kind is None or answer.problem["type"] == f"urn:antre:problem:{kind}"
    assert rooms_in(store) == []


async def test_a_webhook_of_another_app_is_403(gateway, store):
    answer = await gateway.post(PATH, waiting("1", app_id="somebody-else"))
    assert answer.status == 403
    assert answer.problem["type"] == "urn:antre:problem:wrong-app"
    assert rooms_in(store) == []


async def test_a_resolve_that_did_not_resolve_is_200_and_nothing_more(gateway, store):
    answer = await gateway.post(f"{RESOLVE}/{TOKEN}", {"service": {"room_id": "1", "is_resolved": False}})
    assert answer.status == 200
    assert rooms_in(store) == []


async def test_a_body_may_be_as_large_as_the_bound_and_no_larger(gateway, store):
    assert (await gateway.post(PATH, padded(BODY_MAX))).status == 200
    assert (await gateway.post(PATH, padded(BODY_MAX + 1))).status == 413
    assert rooms_in(store) == ["1"]


async def test_a_large_body_in_chunks_is_413_too(gateway, store):
    pieces = [chunk(padded(BODY_MAX)), chunk(b"x"), b"0\r\n\r\n"]
    answer = await gateway.raw(chunked_head(), *pieces)
    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert answer.problem["type"] == "urn:antre:problem:too-large"
    assert rooms_in(store) == []


async def test_a_body_in_chunks_is_read(gateway, store):
    data = padded(1_000)
    answer = await gateway.raw(chunked_head(), chunk(data[:300]), chunk(data[300:]), b"0\r\n\r\n", pause_s=0.02)
    assert answer.status == 200
    assert rooms_in(store) == ["1"]


async def test_chunks_without_end_fill_no_memory(gateway):
    before = gateway.resident_mb
    answers = await asyncio.gather(*(gateway.raw(chunked_head(), *[chunk(b"x" * 60_000)] * 200) for _ in range(8)))
    assert {answer.status for answer in answers} == {413}
    assert gateway.resident_mb - before < 10


@pytest.mark.parametrize("size", [10**6, 10**9])
async def test_a_body_that_says_it_is_too_large_is_not_waited_for(gateway, size):
    answer = await gateway.raw(request("POST", PATH, headers={"content-length": str(size)}))
    assert answer.status == 413
    assert answer.seconds < BODY_TIMEOUT_S + 0.4


async def test_the_answer_reaches_somebody_who_is_still_sending(gateway):
    head = request("POST", PATH, headers={"content-length": "1000000"})
    assert (await gateway.raw(head, *[b"x" * 50_000] * 20, pause_s=0.01)).status == 413


@pytest.mark.parametrize("said", [f"content-length: 100\r\nconnection: close\r\n\r\n".encode(), CHUNKED])  # noqa: F541
async def test_a_body_that_does_not_come_is_408_after_a_bounded_time(gateway, said):
    answer = await gateway.raw(f"POST {PATH} HTTP/1.1\r\nhost: a\r\n".encode() + said)
    assert answer.status == 408
    assert BODY_TIMEOUT_S - 0.1 < answer.seconds < BODY_TIMEOUT_S + 0.5
    assert answer.problem["type"] == "urn:antre:problem:too-slow"


async def test_a_body_that_comes_drop_by_drop_is_408_just_as_soon(gateway):
    drops = [b" "] * 100
    answer = await gateway.raw(request("POST", PATH, headers={"content-length": "100"}), *drops, pause_s=0.05)
    assert answer.status == 408
    assert answer.seconds < BODY_TIMEOUT_S + 0.5


async def test_somebody_who_leaves_in_the_middle_of_a_body_is_forgotten(gateway):
    name = 'antre_webhooks_total{kind="allocation",outcome="gone",status="499"}'
    before = gateway.metric(name)
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(request("POST", PATH, headers={"content-length": "100"}) + b"{")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.transport.abort()
    await until(lambda: gateway.metric(name) > before)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"POST " + PATH.encode() + b" HTTP/1.1\r\n: x\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_400(gateway, data):
    assert (await gateway.raw(data)).status == 400


@pytest.mark.parametrize("host", ["a b", "<script>", ""])
async def test_a_strange_host_is_no_fault(gateway, host):
    assert (await gateway.raw(request("POST", PATH, b"{}", {"host": host}))).status == 400


async def test_a_head_without_end_is_refused(gateway):
    line = f"x-long: {'y' * 1000}\r\n".encode()
    answer = await gateway.raw(f"POST {PATH} HTTP/1.1\r\nhost: a\r\n".encode(), *[line] * 400, pause_s=0.001)
    assert answer.status == 400


async def test_a_path_without_end_is_refused(gateway):
    answer = await gateway.raw(b"POST /", *[b"y" * 1000] * 400, pause_s=0.001)
    assert answer.status == 400


async def test_a_wish_for_a_websocket_is_no_websocket(gateway):
    upgrade = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-key": "AAAA",
        "sec-websocket-version": "13",
    }
    assert (await gateway.raw(request("GET", PATH, headers=upgrade))).status == 405


async def test_one_connection_carries_many_webhooks(gateway, store):
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    for room in range(5):
        data = json.dumps(waiting(str(room))).encode()
        writer.write(request("POST", PATH, data, {"connection": "keep-alive"}))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        await reader.readuntil(b"}")
    writer.close()
    assert rooms_in(store) == ["0", "1", "2", "3", "4"]


def padded(size):
    data = json.dumps(waiting("1")).encode()
    return data + b" " * (size - len(data))


def chunked_head():
    return f"POST {PATH} HTTP/1.1\r\nhost: a\r\n".encode() + CHUNKED


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)
