"""The gateway's settings: what each may be, and which contradict each other."""

import pytest

from chassis.settings import SettingError, specs
from webhook_gateway.settings import Settings, read

TOKEN = "token-canary-0001"
ONE = {"QISCUS_APP_ID": "demo"}


def test_one_app_of_the_environment_and_the_defaults():
    settings, apps = read(ONE)
    assert [app.id for app in apps] == ["demo"]
    assert apps[0].tokens == ()
    assert (settings.http_host, settings.http_port, settings.metrics_port) == ("0.0.0.0", 8080, 9090)  # noqa: S104
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert settings.redis_prefix == "antre"


def test_two_tokens_with_a_comma_between_them():
    _, apps = read(ONE | {"ANTRE_WEBHOOK_TOKENS": f"{TOKEN},other-token-2"})
    assert apps[0].tokens == (TOKEN, "other-token-2")


def test_tokens_can_come_from_a_file(tmp_path):
    (tmp_path / "tokens").write_text(f"{TOKEN}\n")
    _, apps = read(ONE | {"ANTRE_WEBHOOK_TOKENS_FILE": str(tmp_path / "tokens")})
    assert apps[0].tokens == (TOKEN,)


def test_several_apps_of_a_file(tmp_path):
    file = tmp_path / "apps.toml"
    file.write_text('[[app]]\nid="a"\nwebhook_tokens=["token-a-1"]\n[[app]]\nid="b"\nwebhook_tokens=["token-b-1"]\n')
    _, apps = read({"ANTRE_APPS_FILE": str(file)})
    assert [app.id for app in apps] == ["a", "b"]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "QISCUS_APP_ID is not set"),
        (ONE | {"ANTRE_APPS_FILE": "/x"}, "QISCUS_APP_ID and ANTRE_APPS_FILE are both set"),
        ({"ANTRE_APPS_FILE": "/x", "ANTRE_WEBHOOK_TOKENS": TOKEN}, "ANTRE_WEBHOOK_TOKENS and ANTRE_APPS_FILE"),
        ({"ANTRE_APPS_FILE": "/does/not/exist"}, "ANTRE_APPS_FILE is '/does/not/exist', which cannot be read"),
        ({"QISCUS_APP_ID": "a b"}, "QISCUS_APP_ID is 'a b'"),
        (ONE | {"ANTRE_WEBHOOK_TOKENS": "short"}, "ANTRE_WEBHOOK_TOKENS holds a token that is not allowed"),
        (ONE | {"ANTRE_WEBHOOK_TOKENS": f"{TOKEN},{TOKEN}x,{TOKEN}y"}, "ANTRE_WEBHOOK_TOKENS holds 3 tokens"),
        (ONE | {"REDIS_URL": f"sentinel://:{TOKEN}@h:1"}, "not supported yet"),
        (ONE | {"REDIS_URL": f"http://:{TOKEN}@h:1"}, "REDIS_URL has a value that is not allowed"),
        (ONE | {"ANTRE_HTTP_PORT": "eighty"}, "ANTRE_HTTP_PORT is 'eighty'"),
        (ONE | {"ANTRE_HTTP_PORT": "0"}, "ANTRE_HTTP_PORT is '0': allowed is a whole number from 1 to 65535"),
        (ONE | {"ANTRE_PUBLISH_TIMEOUT_S": "1"}, "ANTRE_PUBLISH_TIMEOUT_S is '1'"),
        (ONE | {"ANTRE_BATCH_MAX": "100", "ANTRE_PENDING_MAX": "99"}, "ANTRE_BATCH_MAX is 100, more than the 99"),
        (ONE | {"ANTRE_LOG_LEVEL": "loud"}, "ANTRE_LOG_LEVEL is 'loud'"),
    ],
)
def test_what_is_refused_and_in_which_words(environment, said):
    with pytest.raises(SettingError) as caught:
        read(environment)
    assert said in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_no_secret_shows_in_the_settings():
    settings, apps = read(ONE | {"ANTRE_WEBHOOK_TOKENS": TOKEN, "REDIS_URL": f"redis://:{TOKEN}@h:1/0"})
    assert TOKEN not in repr(settings)
    assert TOKEN not in repr(apps)


def test_what_is_secret_is_declared_so():
    secret = {"REDIS_URL", "ANTRE_WEBHOOK_TOKENS", "OTEL_EXPORTER_OTLP_HEADERS"}
    assert {spec.variable for _, spec in specs(Settings) if spec.secret} == secret
