"""The port for those who run a process; that it answers over a socket is shown in tests/integration."""

import socket

import pytest
from prometheus_client import CollectorRegistry, Counter

from chassis import ops
from chassis.settings import SettingError


def ask(path, checks, **more):
    registry = CollectorRegistry()
    Counter("things", "…", registry=registry).inc(3)
    answered = {}
    body = b"".join(
        ops._application(registry, checks)(
            {"PATH_INFO": path, "REQUEST_METHOD": "GET", "QUERY_STRING": "", **more},
            lambda status, headers, *_: answered.update(status=status),
        )
    )
    return answered["status"], body


def test_metrics_are_there():
    status, body = ask("/metrics", {})
    assert status == "200 OK"
    assert b"things_total 3.0" in body


def test_metrics_come_as_openmetrics_to_whoever_asks_for_it():
    _, body = ask("/metrics", {}, HTTP_ACCEPT="application/openmetrics-text; version=1.0.0")
    assert body.endswith(b"# EOF\n")


def test_a_check_that_finds_nothing_wrong():
    assert ask("/livez", {"/livez": lambda: None}) == ("200 OK", b"ok\n")


def test_a_check_that_finds_something_says_what():
    assert ask("/livez", {"/livez": lambda: "the loop stands still"}) == (
        "503 Service Unavailable",
        b"the loop stands still\n",
    )


def test_other_paths_say_what_there_is():
    status, body = ask("/", {"/livez": lambda: None})
    assert status == "404 Not Found"
    assert b"/metrics, /livez" in body


def test_a_port_that_is_taken_is_a_wrong_setting():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match=f"ANTRE_METRICS_PORT {port} on 127.0.0.1 cannot be listened on"):
            ops.serve("127.0.0.1", port, CollectorRegistry(), {})


def test_starting_asks_no_name_service_and_stopping_frees_the_port():
    # The name service is shut in unit tests: whoever asks it fails.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for _ in range(2):
        ops.serve("127.0.0.1", port, CollectorRegistry(), {})()
