"""Logs: one line an event, and nothing in it that nobody put there."""

import json
import logging

import pytest

from chassis import logs

CANARY = "jane@example.com"


@pytest.fixture(autouse=True)
def _as_before():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_a_line_is_json_with_name_level_time_and_what_was_given(capsys):
    logs.configure("json", "info")
    logs.logger("some.where").info("listening", port=8080)
    line = json.loads(capsys.readouterr().out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "listening", "port": 8080, "level": "info", "logger": "some.where"}


def test_a_line_of_a_librarys_is_json_too(capsys):
    logs.configure("json", "info")
    logging.getLogger("uvicorn.error").info("Started %s", "it")
    assert json.loads(capsys.readouterr().out)["event"] == "Started it"


def test_a_level_leaves_out_what_is_below(capsys):
    logs.configure("json", "warning")
    logs.logger("quiet").info("nothing")
    logging.getLogger("library").info("nothing")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("log_format", logs.FORMATS)
def test_a_traceback_does_not_show_the_values_of_variables(capsys, log_format):
    logs.configure(log_format, "info")
    try:
        int_of(CANARY)
    except ValueError:
        logging.getLogger("uvicorn.error").exception("fault")
        logs.logger("ours").exception("fault")
    shown = capsys.readouterr().out
    assert "not digits" in shown
    assert CANARY not in shown


def test_text_is_for_people(capsys):
    logs.configure("text", "info")
    logs.logger("here").info("listening", port=8080)
    shown = capsys.readouterr().out
    assert "listening" in shown
    assert "port=8080" in shown


def int_of(body):
    if not body.isdigit():
        raise ValueError("not digits")
    return int(body)
