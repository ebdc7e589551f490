"""A gateway that is told to go, seen by clients who keep connections: what they send is answered, or never taken."""

import asyncio
import json
import random
import signal
import time

import pytest
from integration.webhook_gateway.talk import ALLOCATION, read_answer, request, rooms_in, waiting

from chassis.settings import specs
from webhook_gateway.server import FAREWELL_S
from webhook_gateway.settings import Settings

CLIENTS = 48
BUSY_S = 0.5
"""How long they send before it is told to go."""


class Client:
    """Sends one webhook after the other on a connection that it keeps, until it is asked to go elsewhere."""

    def __init__(self, gateway, number):
        self.gateway, self.number = gateway, number
        self.answered = []
        self.told_to_go = False
        self.was_cut_off = None

    async def sends(self, pause_s):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port)
        chance = random.Random(self.number)
        while not self.told_to_go and not reader.at_eof():
            room = f"{self.number}-{len(self.answered)}"
            try:
                writer.write(posted(room))
                answer = await read_answer(reader, time.monotonic())
            except (OSError, EOFError, asyncio.IncompleteReadError, ValueError, IndexError) as error:
                self.was_cut_off = error
                break
            assert answer.status == 200
            self.answered.append(room)
            self.told_to_go = answer.headers.get("connection") == "close"
            await asyncio.sleep(0 if self.told_to_go else chance.uniform(0, 2 * pause_s))
        writer.close()


def posted(room):
    return request("POST", ALLOCATION, json.dumps(waiting(room)).encode(), {"connection": "keep-alive"})


@pytest.mark.parametrize("pause_s", [0.0, 0.02, 0.4])
async def test_kept_connections_are_asked_to_go_and_no_request_on_them_is_cut_off(start, store, pause_s):
    gateway = start(ANTRE_LOG_LEVEL="info")
    clients = [Client(gateway, number) for number in range(CLIENTS)]
    sending = [asyncio.create_task(client.sends(pause_s)) for client in clients]
    await asyncio.sleep(BUSY_S)
    gateway.running.process.send_signal(signal.SIGTERM)
    await asyncio.gather(*sending)
    assert await asyncio.to_thread(gateway.running.wait) == 0
    assert [client.was_cut_off for client in clients if client.was_cut_off] == []
    assert all(client.told_to_go for client in clients)
    assert sorted(rooms_in(store)) == sorted(room for client in clients for room in client.answered)


async def test_whoever_is_in_the_middle_of_a_head_when_time_is_up_is_still_answered(start):
    gateway = start()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    asked = posted("1")
    writer.write(asked[:20])
    await asyncio.sleep(0.1)
    gateway.running.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(FAREWELL_S + 0.5)
    writer.write(asked[20:])
    answer = await read_answer(reader, time.monotonic())
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    writer.close()
    assert await asyncio.to_thread(gateway.running.wait) == 0


async def test_the_answer_to_what_began_long_before_asks_to_go_as_well(start):
    gateway = start(ANTRE_BODY_TIMEOUT_S="10")
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    asked = posted("1")
    writer.write(asked[:-5])
    await asyncio.sleep(1.5)
    gateway.running.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.5)
    writer.write(asked[-5:])
    answer = await read_answer(reader, time.monotonic())
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    writer.close()


async def test_whoever_keeps_a_connection_and_says_nothing_is_not_waited_for_long(start):
    gateway = start()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(posted("1"))
    await read_answer(reader, time.monotonic())
    gateway.running.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(gateway.running.wait, timeout_s=FAREWELL_S + 3) == 0
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(("kept_s", "is_closed"), [("1", True), ("", False)])
async def test_an_idle_connection_is_kept_as_long_as_is_set_and_else_longer_than_a_proxy_needs(
    start, kept_s, is_closed
):
    gateway = start(ANTRE_KEEP_ALIVE_S=kept_s)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(posted("1"))
    await read_answer(reader, time.monotonic())
    await asyncio.sleep(2)
    assert reader.at_eof() is is_closed
    writer.close()


def test_by_default_it_is_kept_longer_than_most_proxies_keep_theirs():
    (default,) = [spec.default for _, spec in specs(Settings) if spec.variable == "ANTRE_KEEP_ALIVE_S"]
    assert int(default) > 60
