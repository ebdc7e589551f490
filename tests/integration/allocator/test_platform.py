"""Odd answers of the platform over real HTTP: always an outcome, in time, sent once, no redirect followed."""

import asyncio
import contextlib
import gzip
import json
import time
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from allocator.adapters.qiscus import BODY_MAX, QiscusPlatform, new_client
from allocator.core import outcomes as o
from allocator.core.ids import AgentId, Lane, RoomId
from support import free_port

ROOM, AGENT = RoomId("187250792"), AgentId(164868)
TIMEOUT_S = 0.5
IN_TIME_S = TIMEOUT_S + 5  # far less than the odd answers take, far more than a busy machine adds
SECRET = "s3cr3t-key"
RESPONSES = Path(__file__).parents[2] / "fixtures" / "responses"


class Server:
    """A platform that answers as a test says, and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.answers = []

    async def answer(self, request):
        self.asked.append((request.method, request.path, request.headers.copy(), await request.text()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request) if callable(answer) else answer()


def says(body, status=200, **headers):
    """The same answer to every request."""

    async def answer(_):
        return web.Response(body=body, status=status, headers=headers)

    return answer


@pytest.fixture
async def server():
    made, app = Server(), web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def platform_at(client, url, timeout_s=TIMEOUT_S):
    return QiscusPlatform(client, base_url=url, app_id="demo", secret_key=SECRET, timeout_s=timeout_s)


@pytest.fixture
async def platform(server):
    async with new_client() as client:
        yield platform_at(client, server.url)


async def test_an_assign_is_a_compare_and_set_by_form_with_our_credentials(server, platform):
    server.answers = [says((RESPONSES / "assign_agent.json").read_bytes())]
    assert await platform.assign(ROOM, AGENT) == o.Done()
    ((method, path, headers, body),) = server.asked
    assert (method, path) == ("POST", "/api/v1/admin/service/assign_agent")
    assert (headers["Qiscus-App-Id"], headers["Qiscus-Secret-Key"]) == ("demo", SECRET)
    assert body == f"room_id={ROOM}&agent_id={AGENT}&max_agent=1"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"


async def test_what_goes_over_the_wire_to_the_last_byte():
    """Whoever sits before the platform may be as particular about a header as the platform itself."""
    sent = []

    async def take(reader, writer):
        sent.append(await reader.readuntil(b"max_agent=1"))
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as listener, new_client() as client:
        port = listener.sockets[0].getsockname()[1]
        await platform_at(client, f"http://127.0.0.1:{port}").assign(ROOM, AGENT)
    lines = [
        "POST /api/v1/admin/service/assign_agent HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "accept: */*",
        "accept-encoding: gzip, deflate",
        "connection: keep-alive",
        f"user-agent: python-httpx/{httpx.__version__}",
        "qiscus-app-id: demo",
        f"qiscus-secret-key: {SECRET}",
        "content-length: 45",
        "content-type: application/x-www-form-urlencoded",
        "",
        f"room_id={ROOM}&agent_id={AGENT}&max_agent=1",
    ]
    assert sent == ["\r\n".join(lines).encode()]


async def test_the_rooms_that_wait_are_asked_for_in_json_with_a_length(server, platform):
    server.answers = [says(b"{}")]
    await pages_of(platform)
    ((_, _, headers, body),) = server.asked
    assert (headers["Content-Type"], headers["Content-Length"]) == ("application/json", str(len(body)))
    assert json.loads(body) == {"serve_status": "unserved", "status": "unresolved", "limit": 50}


async def test_a_cookie_that_is_set_comes_back_with_no_call(server):
    """Apps share connections: one's cookie would go with another's call."""
    server.answers = [says((RESPONSES / "assign_agent.json").read_bytes(), **{"Set-Cookie": "who=demo; Path=/"})]
    async with new_client() as client:
        platform = platform_at(client, server.url.replace("127.0.0.1", "localhost"))
        assert [await platform.assign(ROOM, AGENT) for _ in range(2)] == [o.Done()] * 2
    assert [headers.get("Cookie") for _, _, headers, _ in server.asked] == [None, None]


async def test_an_answer_that_is_packed_is_unpacked_and_still_bounded(server, platform):
    packed = gzip.compress((RESPONSES / "assign_agent.json").read_bytes())
    huge = gzip.compress(b" " * (BODY_MAX + 1))
    server.answers = [says(body, **{"Content-Encoding": "gzip"}) for body in (packed, huge)]
    assert await platform.assign(ROOM, AGENT) == o.Done()
    assert await platform.assign(ROOM, AGENT) == o.Unknown("an answer without end")


async def test_an_address_or_a_key_that_cannot_be_sent_is_that_apps_failure_alone(server):
    server.answers = [says((RESPONSES / "assign_agent.json").read_bytes())]
    async with new_client() as client:
        nowhere = platform_at(client, "http://[::")
        keyless = QiscusPlatform(client, base_url=server.url, app_id="x", secret_key="schlüssel", timeout_s=TIMEOUT_S)
        for odd in (nowhere, keyless):
            assert isinstance(await odd.assign(ROOM, AGENT), o.Unknown)
        assert await platform_at(client, server.url).assign(ROOM, AGENT) == o.Done()


async def hangs(request):
    await asyncio.sleep(30)


async def hangs_up(request):
    request.transport.abort()
    return web.Response()


async def half(request):
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"data":')
    request.transport.close()
    return response


async def drips(request):
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(1000):
        await response.write(b" ")
        await asyncio.sleep(0.05)
    return response


async def without_end(request):
    response = web.StreamResponse()
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b" " * 65536)
    return response


ODD = {
    "html": says(b"<!doctype html><title>Maintenance</title>"),
    "half a json": says(b'{"data": {"added_agent": {"id": 16'),
    "nothing": says(b""),
    "not utf-8": says(b'{"data": "\xff\xfe"}'),
    "another shape": says(b'{"ok": true}'),
    "a redirect": says(b"", 302, Location="/elsewhere"),
    "a redirect that keeps the method": says(b"", 307, Location="/elsewhere"),
    "an error": says(b"oops", 500),
    "gzip that is none": says(b"not gzip", 200, **{"Content-Encoding": "gzip"}),
    "hangs": hangs,
    "hangs up": hangs_up,
    "half of what was announced": half,
    "drips": drips,
    "without end": without_end,
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD.keys())
async def test_whatever_it_answers_to_an_assign_is_unknown_in_time_and_was_asked_once(server, platform, answer):
    server.answers = [answer]
    started = time.monotonic()
    assert isinstance(await platform.assign(ROOM, AGENT), o.Unknown)
    assert time.monotonic() - started < IN_TIME_S
    assert [path for _, path, _, _ in server.asked] == ["/api/v1/admin/service/assign_agent"]


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD.keys())
async def test_whatever_it_answers_to_a_reading_is_a_failure_and_no_traceback(server, platform, answer):
    server.answers = [answer]
    view, roster, suggestion, pages = await asyncio.gather(
        platform.view(ROOM, AGENT), platform.roster(ROOM, 0.0), platform.suggestion(Lane("wa"), 0.0), pages_of(platform)
    )
    assert isinstance(view.because, o.Unknown)
    assert isinstance(roster, o.Unknown)
    assert isinstance(suggestion, o.Unknown)
    assert isinstance(pages[-1], o.Unknown)
    assert "/elsewhere" not in [path for _, path, _, _ in server.asked]


async def pages_of(platform):
    return [page async for page in platform.unserved()]


async def test_a_platform_that_is_not_there_is_unknown():
    async with new_client() as client:
        gone = platform_at(client, f"http://127.0.0.1:{free_port()}")
        assert isinstance(await gone.assign(ROOM, AGENT), o.Unknown)


@pytest.mark.parametrize("url", ["http://no-such-host.invalid", "https://127.0.0.1:{port}"])
async def test_a_name_that_does_not_resolve_and_a_server_without_tls_are_unknown(server, url):
    async with new_client() as client:
        odd = platform_at(client, url.format(port=server.url.rpartition(":")[2]))
        started = time.monotonic()
        assert isinstance(await odd.assign(ROOM, AGENT), o.Unknown)
        assert time.monotonic() - started < IN_TIME_S


async def test_a_caller_who_gives_up_leaves_connections_that_work(server, platform):
    server.answers = [hangs, says((RESPONSES / "assign_agent.json").read_bytes())]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(platform.assign(ROOM, AGENT), 0.1)
    assert await platform.assign(ROOM, AGENT) == o.Done()


async def test_many_calls_overlap(server):
    """No answer comes before all of the calls have arrived."""
    everyone = asyncio.Barrier(64)

    async def together(_):
        await everyone.wait()
        return web.Response(body=(RESPONSES / "assign_agent.json").read_bytes())

    server.answers = [together]
    async with new_client() as client:
        platform = platform_at(client, server.url, timeout_s=60)
        outcomes = await asyncio.gather(*(platform.assign(ROOM, AGENT) for _ in range(64)))
    assert set(outcomes) == {o.Done()}


async def test_a_room_id_is_only_ever_a_part_of_a_path(server, platform):
    server.answers = [says(b"", 404)]
    assert await platform.view(RoomId("..%2f..?x=1"), None) == o.Missing()
    assert server.asked[0][1].startswith("/api/v2/customer_rooms/")


async def test_a_list_that_never_ends_is_read_to_a_bound(server, platform):
    """Each page names another next page."""
    pages = iter(range(10_000))

    async def page(_):
        return web.json_response({"data": {"customer_rooms": [{}] * 50}, "meta": {"cursor_after": str(next(pages))}})

    server.answers = [page]
    assert isinstance((await pages_of(platform))[-1], o.Unknown)
    assert len(server.asked) <= 201


def test_an_answer_is_read_to_a_bound():
    assert BODY_MAX <= 4 * 1024 * 1024
