"""The process itself: how it starts, refuses to start, tells of itself and ends."""

import asyncio
import json
import signal

import pytest
from integration.webhook_gateway.talk import (
    ALLOCATION,
    APP,
    CUSTOMER,
    OLD_TOKEN,
    RESOLVE,
    TOKEN,
    request,
    rooms_in,
    until,
    waiting,
)

RESOLVED = {"service": {"id": 7, "room_id": "1", "is_resolved": True}, "customer": {"name": CUSTOMER}}


async def test_without_a_token_the_bare_paths_work_and_it_says_so_loudly(start, store):
    gateway = start()
    assert (await gateway.post(ALLOCATION, waiting("1"))).status == 200
    assert (await gateway.post(RESOLVE, RESOLVED)).status == 200
    assert (await gateway.post(f"{ALLOCATION}/{TOKEN}", waiting("1"))).status == 404
    assert rooms_in(store) == ["1", "1"]
    (line,) = [line for line in lines(gateway) if line["event"] == "no_webhook_token"]
    assert line["level"] == "warning"


async def test_a_token_is_replaced_without_a_webhook_lost(start, store):
    for number, tokens in enumerate((OLD_TOKEN, f"{TOKEN},{OLD_TOKEN}", TOKEN)):
        gateway = start(ANTRE_WEBHOOK_TOKENS=tokens)
        for token in (OLD_TOKEN, TOKEN):
            answer = await gateway.post(f"{ALLOCATION}/{token}", waiting(str(number)))
            assert answer.status == (200 if token in tokens else 404)
        assert not any(line["event"] == "no_webhook_token" for line in lines(gateway))
    assert rooms_in(store) == ["0", "1", "1", "2"]


async def test_several_apps_have_tokens_and_streams_of_their_own(start, store, tmp_path):
    file = tmp_path / "apps.toml"
    file.write_text(
        f'[[app]]\nid = "{APP}"\nwebhook_tokens = ["{TOKEN}"]\n[[app]]\nid = "two"\nwebhook_tokens = ["{OLD_TOKEN}"]\n'
    )
    gateway = start(ANTRE_APPS_FILE=str(file))
    assert (await gateway.post(ALLOCATION, waiting("1"))).status == 404
    posts = [gateway.post(f"{RESOLVE}/{token}", RESOLVED) for token in (TOKEN, OLD_TOKEN) * 10]
    assert {answer.status for answer in await asyncio.gather(*posts)} == {200}
    assert (await gateway.post(f"{ALLOCATION}/{OLD_TOKEN}", waiting("1"))).status == 403
    assert rooms_in(store) == rooms_in(store, "two") == ["1"] * 10


async def test_what_is_in_flight_at_sigterm_is_finished(start, redis_server, store):
    gateway = start()
    redis_server.pause()
    tasks = [asyncio.create_task(gateway.waits(str(number), ALLOCATION)) for number in range(20)]
    await asyncio.sleep(0.2)
    gateway.running.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.2)
    redis_server.resume()
    assert {answer.status for answer in await asyncio.gather(*tasks)} == {200}
    assert await asyncio.to_thread(gateway.running.wait) == 0
    assert len(rooms_in(store)) == 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_gateway_ends_soon_and_in_good_order(start, number):
    gateway = start()
    gateway.running.process.send_signal(number)
    assert gateway.running.wait(timeout_s=3) == 0
    assert "Traceback" not in gateway.running.output


async def test_the_health_paths(gateway):
    for path in ("/livez", "/readyz", "/alive"):
        answer = await gateway.raw(request("GET", path))
        assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})


async def test_it_lives_but_is_not_ready_without_redis(start, redis_server):
    redis_server.kill()
    gateway = start()
    assert (await gateway.raw(request("GET", "/livez"))).status == 200
    ready = await gateway.raw(request("GET", "/readyz"))
    assert ready.status == 503
    assert "redis" in ready.problem["detail"]
    await asyncio.to_thread(redis_server.start)
    assert (await gateway.raw(request("GET", "/readyz"))).status == 200


async def test_the_metrics_name_the_kind_of_the_webhook_and_what_became_of_it(gateway):
    name = 'antre_webhooks_total{kind="allocation",outcome="accepted",status="200"}'
    before = gateway.metric(name)
    await gateway.waits("1")
    assert gateway.metric(name) == before + 1
    shown = gateway.metrics()
    for metric in ("antre_webhook_durable_seconds_sum", "antre_publish_seconds_sum", "antre_publish_batch_size_sum"):
        assert metric in shown
    assert gateway.metric("antre_pending_events") == 0
    assert 'antre_build_info{python="3' in shown
    assert TOKEN not in shown
    assert APP not in shown


async def test_the_main_port_has_no_metrics(gateway):
    assert (await gateway.raw(request("GET", "/metrics"))).status == 404


async def test_a_refused_webhook_is_a_line_at_info_an_accepted_one_at_debug(gateway):
    before = len(lines(gateway))
    await gateway.waits("1")
    await gateway.post(f"{ALLOCATION}/{TOKEN}", {"name": CUSTOMER})
    await until(lambda: len(lines(gateway)) == before + 2)
    accepted, refused = lines(gateway)[before:]
    assert (accepted["event"], accepted["level"], accepted["route"]) == ("webhook", "debug", ALLOCATION + "/{token}")
    assert (refused["event"], refused["level"], refused["outcome"]) == ("webhook_refused", "info", "no-room-id")


async def test_at_info_the_accepted_ones_are_silent(start):
    gateway = start(ANTRE_LOG_LEVEL="info")
    before = gateway.running.output
    await gateway.waits("1", ALLOCATION)
    assert gateway.running.output == before


async def test_a_flood_of_refusals_is_no_flood_of_lines(gateway):
    before = len(lines(gateway))
    await asyncio.gather(*(gateway.post("/allocate-agent/webhook/guess", b"{}") for _ in range(300)))
    assert len(lines(gateway)) - before <= 3 * 20


async def test_it_says_when_redis_would_not_be_durable(start, store):
    store.config_set("appendfsync", "everysec")
    try:
        gateway = start()
    finally:
        store.config_set("appendfsync", "always")
    (line,) = [line for line in lines(gateway) if line["event"] == "not_durable"]
    assert "appendfsync" in line["meaning"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"QISCUS_APP_ID": ""}, "webhook-gateway: QISCUS_APP_ID is not set: an app's id, or ANTRE_APPS_FILE"),
        ({"ANTRE_HTTP_PORT": "none"}, "webhook-gateway: ANTRE_HTTP_PORT is 'none': allowed is a whole number"),
        ({"REDIS_URL": f"sentinel://:{TOKEN}@h:1"}, "webhook-gateway: REDIS_URL names a sentinel or a cluster"),
        ({"ANTRE_WEBHOOK_TOKENS": f"{TOKEN}!"}, "webhook-gateway: ANTRE_WEBHOOK_TOKENS holds a token that is not"),
        ({"ANTRE_HTTP_HOST": "203.0.113.1"}, "on 203.0.113.1 cannot be listened on"),
    ],
)
def test_it_refuses_to_start_with_one_sentence(start, environment, said):
    gateway = start(ready=False, **environment)
    assert gateway.running.wait() == 2
    assert said in gateway.running.output
    assert len(gateway.running.output.splitlines()) == 1
    assert TOKEN not in gateway.running.output


def test_a_port_that_is_taken_is_said_in_one_sentence(start, gateway):
    second = start(ready=False, ANTRE_HTTP_PORT=str(gateway.port))
    assert second.running.wait() == 2
    assert second.running.output.splitlines() == [
        f"webhook-gateway: ANTRE_HTTP_PORT {gateway.port} on 127.0.0.1 cannot be listened on: Address already in use"
    ]


def test_help_and_version_need_no_settings(processes):
    assert "webhook-gateway 0." in processes.run("webhook-gateway", "--version").output
    assert "usage: webhook-gateway" in processes.run("webhook-gateway", "--help").output


async def test_memory_stays_below_80_mb(start, store):
    """A tenth of what the promise is about; it does not grow, so it shows as much."""
    gateway = start(ANTRE_LOG_LEVEL="info")
    await load(gateway, 10_000)
    assert store.xlen(f"antre:{{{APP}}}:inbox") == 10_000
    assert gateway.resident_mb < 80


async def load(gateway, webhooks, connections=16):
    data = json.dumps(waiting("1", extras="x" * 800)).encode()
    asked = request("POST", ALLOCATION, data, {"connection": "keep-alive"})

    async def sender():
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        for _ in range(webhooks // connections):
            writer.write(asked)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            await reader.readuntil(b"}")
        writer.close()

    await asyncio.gather(*(sender() for _ in range(connections)))


def lines(gateway):
    return [json.loads(line) for line in gateway.running.output.splitlines()]
