"""What a wrong token costs does not depend on how wrong it is: the same work, step by step, whatever was guessed.

A judgement by the clock would be one of chance; ``python -m security.timing`` measures, for people.
"""

import ast
import hmac
import inspect
import sys

import pytest

from contract import AppId
from contract.apps import App
from webhook_gateway import authenticate
from webhook_gateway.authenticate import Gate

TOKENS = [(f"first-token-of-app-{number}", f"other-token-of-app-{number}") for number in range(5)]
APPS = [App(id=AppId(f"app-{number}"), secret_key=None, tokens=own, base_url=None) for number, own in enumerate(TOKENS)]
RIGHT = TOKENS[2][0]
WRONG = {
    "first character": "X" + RIGHT[1:],
    "last character": RIGHT[:-1] + "X",
    "a half of it": RIGHT[: len(RIGHT) // 2],
    "one too many": RIGHT + "X",
    "another case": RIGHT.upper(),
    "nothing of it": "nothing-of-any-token",
    "empty": "",
    "very long": "x" * 10_000,
    "half an emoji": "\ud83d",
    "NUL": RIGHT + "\x00",
}


def steps(token):
    """Every line of the module that is executed for ``token``, in order."""
    gate, taken = Gate(APPS), []

    def called(frame, _event, _):
        return moved if frame.f_code.co_filename == authenticate.__file__ else None

    def moved(frame, event, _):
        taken.append((frame.f_code.co_name, event, frame.f_lineno))
        return moved

    sys.settrace(called)
    try:
        app = gate.app_of(token)
    finally:
        sys.settrace(None)
    return app, taken


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_token_takes_the_same_steps_however_wrong_it_is(how):
    app, taken = steps(WRONG[how])
    assert app is None
    assert taken == steps("not-at-all-a-token")[1]
    assert len(taken) > 2 * len(APPS)


@pytest.mark.parametrize("token", [token for own in TOKENS for token in own])
def test_a_right_token_takes_one_step_more_wherever_it_stands(token):
    app, taken = steps(token)
    assert app == f"app-{token[-1]}"
    assert len(taken) == len(steps("not-at-all-a-token")[1]) + 1


@pytest.mark.parametrize("how", WRONG)
def test_every_token_is_compared_as_a_digest_of_one_length(monkeypatch, how):
    compared, digested = [], []
    compare, digest = hmac.compare_digest, authenticate._digest
    gate = Gate(APPS)
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or compare(a, b))
    monkeypatch.setattr(authenticate, "_digest", lambda token: digested.append(token) or digest(token))
    assert gate.app_of(WRONG[how]) is None
    assert len(compared) == sum(map(len, TOKENS))
    assert digested == [WRONG[how]]
    assert {len(one) for pair in compared for one in pair} == {32}


def test_no_other_comparison_decides_and_nothing_leaves_the_loop_early():
    function = ast.parse(inspect.getsource(Gate)).body[0]
    (app_of,) = [node for node in ast.walk(function) if getattr(node, "name", "") == "app_of"]
    (loop,) = [node for node in ast.walk(app_of) if isinstance(node, ast.For)]
    assert not [node for node in ast.walk(loop) if isinstance(node, ast.Break | ast.Return | ast.Raise | ast.Compare)]
    (condition,) = [node.test for node in ast.walk(loop) if isinstance(node, ast.If)]
    assert ast.unparse(condition.func) == "hmac.compare_digest"
    compares = [ast.unparse(node) for node in ast.walk(app_of) if isinstance(node, ast.Compare)]
    assert compares == ["token is None"]


def test_the_gate_keeps_no_token():
    kept = repr(vars(Gate(APPS)))
    assert not [token for own in TOKENS for token in own if token in kept]
