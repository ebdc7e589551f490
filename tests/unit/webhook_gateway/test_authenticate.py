"""Who calls: tokens name apps, and nothing tells a wrong one from none."""

import hmac

import pytest

from contract import AppId
from contract.apps import App
from webhook_gateway.authenticate import Gate

ONE, TWO = AppId("one"), AppId("two")


def app(app_id, *tokens):
    return App(id=app_id, secret_key=None, tokens=tokens, base_url=None)


def test_without_any_token_the_bare_path_is_open_and_no_token_is_right():
    gate = Gate([app(ONE)])
    assert gate.is_open
    assert gate.app_of(None) == ONE
    assert gate.app_of("") is None
    assert gate.app_of("whatever-12345") is None


def test_with_a_token_the_bare_path_is_shut():
    gate = Gate([app(ONE, "token-of-one")])
    assert not gate.is_open
    assert gate.app_of(None) is None
    assert gate.app_of("token-of-one") == ONE


def test_two_tokens_are_valid_while_one_replaces_the_other():
    gate = Gate([app(ONE, "the-new-token", "the-old-token")])
    assert gate.app_of("the-new-token") == gate.app_of("the-old-token") == ONE


def test_a_token_names_its_app():
    gate = Gate([app(ONE, "token-of-one"), app(TWO, "token-of-two", "second-of-two")])
    assert gate.app_of("token-of-one") == ONE
    assert gate.app_of("second-of-two") == TWO
    assert gate.app_of(None) is None


@pytest.mark.parametrize(
    "token", ["", "token-of-on", "token-of-onee", "TOKEN-OF-ONE", "tökén", "\ud83d", "a/b", "x" * 9999]
)
def test_what_is_not_a_token(token):
    assert Gate([app(ONE, "token-of-one")]).app_of(token) is None


@pytest.mark.parametrize("token", ["token-0", "token-7", "none-of-them"])
def test_every_token_is_compared_whichever_is_right(monkeypatch, token):
    compared = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or compare(a, b))
    Gate([app(AppId(f"app-{number}"), f"token-{number}") for number in range(8)]).app_of(token)
    assert len(compared) == 8
    assert {len(value) for pair in compared for value in pair} == {32}
