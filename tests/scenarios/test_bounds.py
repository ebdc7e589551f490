"""More comes than can be taken, or what comes is not what it should be: it is told so, and memory stays as it was."""

import asyncio
import json
import socket
import threading
import time
from collections import Counter

import aiohttp
import pytest

from one_machine.ports import HOST
from support.ledger import rows
from support.network import Proxy
from support.webhooks import allocation, send

FLOOD_S, FLOOD_LONG_S = 8.0, 60.0
TURN_S = 0.1
BATCH = 10
CAPACITY_PER_S = BATCH / (2 * TURN_S)
"""What a gateway can take whose Redis needs so long each way, a batch at a time."""
SENDERS = 200
GROWTH_MAX = 60_000_000
"""Bytes that a gateway may grow by: its connections and what waits; it starts with about as much."""
QUIET_WAIT_S = 3.0


@pytest.mark.timeout(400)
@pytest.mark.case(6, t_s=5.0)
@pytest.mark.system(allocators=1, simulator={"chatter_s": "0"})
def test_ten_times_more_webhooks_come_than_can_be_taken(antre, is_long):
    """Redis is made slow, so that a sender on the same machine can be ten times too fast.

    The flood is of customers who write again and again in rooms that wait: each webhook is one that the platform
    could send.
    """
    with Proxy([antre.redis.port]) as proxy:
        _restart_behind(antre, proxy)
        antre.traffic(4)
        antre.must_serve(5)
        rooms = antre.customers(100, send=False)
        antre.platform.each("service", service_s=None)
        before = _memory(antre)
        proxy.delay_s = TURN_S
        flood = Flood(antre, rooms, FLOOD_LONG_S if is_long else FLOOD_S)
        peak = max(_memory(antre) for _ in flood.while_it_lasts())
        proxy.delay_s = 0.0
        antre.platform.each("service", service_s=[0.3, 1])
        antre.must_progress(time.time())
        antre.measure("sent per s", flood.sent / flood.seconds)
        antre.measure("memory grew by MB", (peak - before) / 1e6)
        _judge(antre, flood, rooms)
        assert peak - before < GROWTH_MAX
        antre.must_come_to_rest(within_s=60, tolerance_s=60)


@pytest.mark.case(7)
@pytest.mark.system(allocators=1)
def test_bodies_are_not_what_they_should_be(antre):
    antre.traffic(8)
    antre.must_serve(5)
    before = _memory(antre)
    for _ in range(5):
        for name, (body, status) in _bodies(antre).items():
            assert (name, send(_url(antre), body).status_code) == (name, status)
    slow = [_open(antre, b"Content-Length: 900\r\n\r\n{") for _ in range(100)]
    endless = [_open(antre, b"Transfer-Encoding: chunked\r\n\r\n") for _ in range(20)]
    began = time.time()
    refused = sum(_answer_to_endless(one) == 413 for one in endless)
    antre.must_progress(began, within_s=5)
    assert refused == len(endless)
    assert {_status(one) for one in slow} == {408}
    assert _memory(antre) - before < GROWTH_MAX
    antre.must_come_to_rest()


@pytest.mark.case(44)
@pytest.mark.system(apps=2, allocators=1, capacity=1, service_s="0.1:0.3", simulator={"returning_share": "0"})
def test_an_app_floods_and_the_other_does_not_feel_it(antre):
    """Nobody comes back: whom a list that is a second late shows waiting may be served and back, and is placed up
    to a second too early, which in a flood is many places.
    """
    quiet, loud = antre.apps
    antre.platform.post("traffic", app_id=quiet, customers_per_s=1)
    antre.must_serve(3)
    antre.platform.post("traffic", app_id=loud, customers_per_s=100)
    antre.must("the loud one is overrun", lambda: antre.platform.get("state", app_id=loud)["waiting"] > 300)
    since = time.time()
    antre.must("the quiet one is served", lambda: _assigned(antre, quiet, since) >= 10, within_s=30)
    antre.platform.post("traffic", app_id=loud, customers_per_s=0)
    wait_s = antre.platform.get("verdict", app_id=quiet)["wait_p99_s"]
    antre.measure("longest wait of the quiet app", wait_s)
    assert wait_s < QUIET_WAIT_S
    antre.must_come_to_rest(within_s=120)


class Flood:
    """Senders as many as they are, each as fast as it is answered; their answers."""

    def __init__(self, antre, rooms, seconds):
        self.seconds = seconds
        self.taken = Counter()
        self.refused = []
        self.others = Counter()
        self._app, self._rooms, self._url = next(iter(antre.apps)), rooms, _url(antre)
        self._until = time.monotonic() + seconds
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()

    @property
    def sent(self):
        return self.taken.total() + len(self.refused) + self.others.total()

    def while_it_lasts(self):
        while self._thread.is_alive():
            yield
            time.sleep(0.2)
        self._thread.join()

    async def _run(self):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
            await asyncio.gather(*(self._send(client, number) for number in range(SENDERS)))

    async def _send(self, client, number):
        room = self._rooms[number % len(self._rooms)]
        body, headers = json.dumps(allocation(self._app, room)).encode(), {"content-type": "application/json"}
        while time.monotonic() < self._until:
            async with client.post(self._url, data=body, headers=headers) as answer:
                await answer.read()
                self._note(room, answer)

    def _note(self, room, answer):
        if answer.status == 200:
            self.taken[room] += 1
        elif answer.status == 503:
            self.refused.append(answer.headers.get("retry-after"))
        else:
            self.others[answer.status] += 1


def _restart_behind(antre, proxy):
    (gateway,) = antre.gateways
    antre.running[gateway].terminate()
    bounds = {"ANTRE_BATCH_MAX": str(BATCH), "ANTRE_PENDING_MAX": str(4 * BATCH)}
    antre.begin(gateway, REDIS_URL=f"redis://{HOST}:{proxy.port}", **bounds)
    antre.until_ready(gateway)


def _judge(antre, flood, rooms):
    """Nothing but yes and no; every no says when to come again; every yes is in the ledger."""
    assert flood.others == {}
    assert flood.sent > 10 * CAPACITY_PER_S * flood.seconds, "the flood was none"
    assert len(flood.refused) > flood.taken.total()
    assert all(after is not None and int(after) >= 1 for after in flood.refused)
    antre.must("the inbox is empty", lambda: antre.inbox_length() == 0, within_s=60)
    found = rows(antre.database_url, "SELECT room, count(*) AS n FROM event WHERE kind = 'room_waiting' GROUP BY room")
    recorded = Counter({row["room"]: row["n"] for row in found})
    assert all(recorded[room] >= flood.taken[room] for room in rooms), "a webhook was answered 200 and is not recorded"


def _bodies(antre):
    good = allocation(next(iter(antre.apps)), "999000001")
    return {
        "1 MB": (json.dumps({**good, "notes": "x" * 1_000_000}).encode(), 413),
        "deep": (b'{"room_id": ' + b"[" * 1000 + b"]" * 1000 + b"}", 400),
        "bad UTF-8": (b'{"room_id": "\xff\xfe"}', 400),
        "wrong types": (json.dumps({**good, "room_id": {"a": 1}, "source": 3}).encode(), 400),
        "a list": (b"[]", 400),
        "empty": (b"", 400),
    }


def _open(antre, rest):
    """A connection on which a webhook has begun."""
    (gateway,) = antre.gateways
    connection = socket.create_connection((HOST, antre.parts[gateway].port), timeout=20)
    path = _url(antre).partition(str(antre.parts[gateway].port))[2]
    connection.sendall(f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n".encode() + rest)
    return connection


def _answer_to_endless(connection):
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    try:
        for _ in range(8):  # twice what is allowed; far more would be met by a reset before the answer is read
            connection.sendall(chunk)
    except OSError:
        pass  # it was told, and the connection closed
    return _status(connection)


def _status(connection):
    with connection:
        return int(connection.recv(64).split(b" ")[1])


def _url(antre):
    return antre.webhook(next(iter(antre.apps)), "allocate-agent")


def _memory(antre):
    """What the gateway has of the machine's memory, in bytes."""
    with open(f"/proc/{antre.running['gateway-1'].pid}/statm") as file:  # noqa: PTH123 - no path of a file on disk
        return int(file.read().split()[1]) * 4096


def _assigned(antre, app, since):
    return sum(1 for one in antre.platform.assigned(since) if one["app"] == app)
