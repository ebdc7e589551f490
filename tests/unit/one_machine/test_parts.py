"""What is started and with which words, where it listens, and how an end is judged."""

import signal
import socket
from pathlib import Path

import pytest

from one_machine import addresses, parts, real_platform
from one_machine.keeper import was_told
from one_machine.options import read_options
from one_machine.ports import HOST, free_port, is_free, port_near


def setting(environ=None, tokens="first, second"):
    environ = environ or {}
    ports = addresses.Addresses()
    options = read_options(["--seed", "9", "--capacity", "3"], environ)
    return parts.Setting(
        options=options,
        addresses=ports,
        platform=options.platform or parts.simulated("sim-1", ports),
        database_url="postgresql://x/antre",
        redis_url="redis://x",
        tokens=tokens,
        policy_file=Path("/data/policy.yaml"),
        environ=environ,
    )


def test_the_first_token_is_in_the_addresses_and_the_gateway_knows_all_of_them():
    made = setting()
    assert made.allocate_url == "http://127.0.0.1:8080/allocate-agent/webhook/first"
    assert made.resolve_url == "http://127.0.0.1:8080/mark-as-solved/webhook/first"
    assert parts.gateway(made).env["ANTRE_WEBHOOK_TOKENS"] == "first, second"


def test_two_allocators_share_everything_but_their_port():
    one, two = parts.allocators(setting())
    assert {name for name in one.env if one.env[name] != two.env.get(name)} == {"ANTRE_METRICS_PORT"}
    assert one.env["ANTRE_POLICY_FILE"] == "/data/policy.yaml"


def test_the_simulator_gets_the_seed_and_the_capacity_and_no_customers_yet():
    command = " ".join(parts.simulator(setting()).command)
    assert "--seed 9" in command
    assert "--capacity 3" in command
    assert "--customers-per-s 0" in command


def test_a_shell_does_not_send_the_parts_elsewhere_but_may_tune_them():
    environ = {"REDIS_URL": "redis://production", "ANTRE_APPS_FILE": "/x", "ANTRE_LEASE_TTL_S": "5"}
    allocator = parts.allocators(setting(environ))[0]
    assert allocator.env["REDIS_URL"] == "redis://x"
    assert "ANTRE_APPS_FILE" not in allocator.env
    assert allocator.env["ANTRE_LEASE_TTL_S"] == "5"


def test_the_simulator_never_sees_real_credentials():
    environ = {"QISCUS_APP_ID": "abc-1", "QISCUS_SECRET_KEY": "s"}
    assert not any(name.startswith("QISCUS_") for name in parts.simulator(setting(environ)).env)
    assert parts.allocators(setting(environ))[0].env["QISCUS_APP_ID"] == "abc-1"


def test_the_real_platform_is_told_where_to_send_both_webhooks():
    text = real_platform.instructions(setting({"QISCUS_APP_ID": "abc-1", "QISCUS_SECRET_KEY": "hush"}))
    assert "Settings > Custom Agent Allocation" in text
    assert "https://YOUR-TUNNEL/allocate-agent/webhook/first" in text
    assert "https://omnichannel.qiscus.com/api/v1/app/webhook/mark_as_resolved" in text
    assert "webhook_url=https://YOUR-TUNNEL/mark-as-solved/webhook/first" in text
    assert "hush" not in text


def test_a_token_of_our_own_stays_and_only_we_may_read_it(tmp_path):
    token = real_platform.kept_tokens(tmp_path, None)
    assert real_platform.kept_tokens(tmp_path, "") == token
    assert (tmp_path / "webhook-token").stat().st_mode & 0o077 == 0
    assert real_platform.kept_tokens(tmp_path, "given") == "given"


@pytest.fixture
def taken():
    with socket.socket() as somebody:
        somebody.bind((HOST, free_port()))
        somebody.listen()
        yield somebody.getsockname()[1]


def test_a_port_that_somebody_has_leads_to_another_one(taken):
    assert not is_free(taken)
    assert port_near(taken) != taken


def test_a_chosen_port_is_not_chosen_again_before_somebody_listens_on_it():
    first = port_near(free_port())
    assert port_near(first) != first


def test_all_ports_are_different():
    chosen = addresses.choose()
    ports = [getattr(chosen, name) for name in chosen.__slots__]
    assert len(set(ports)) == len(ports)


def test_a_part_that_left_its_usual_port_is_named():
    moved = addresses.Addresses(gateway=8083)
    assert addresses.moved(moved) == ["Port 8080 is taken, so gateway listens on 8083."]


@pytest.mark.parametrize("status", [0, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, 143])
def test_who_was_told_to_end_did_not_fail(status):
    assert was_told(status)


@pytest.mark.parametrize("status", [1, 2, -signal.SIGSEGV, -signal.SIGABRT])
def test_who_ended_by_a_mistake_of_its_own_failed(status):
    assert not was_told(status)
