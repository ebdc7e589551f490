"""Settings: what is read, and the one sentence when something is wrong."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from chassis.cli import refuse
from chassis.settings import (
    SettingError,
    flag,
    load,
    one_of,
    optional,
    path,
    redis_url,
    seconds,
    setting,
    specs,
    text,
    url,
    whole,
)

SECRET = "pa55word-canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    ttl_s: float = setting("X_TTL_S", seconds(1, 60), default="10", doc="how long")
    batch_max: int = setting("X_BATCH_MAX", whole(1, 100), default="5", doc="how many")
    colour: str = setting("X_COLOUR", one_of("red", "blue"), default="red", doc="which")
    paused: bool = setting("X_PAUSED", flag(), default="false", doc="whether")
    file: Path | None = setting("X_FILE_OF", optional(path()), default="", doc="where")  # noqa: RUF009 - a declaration
    key: str = setting("X_KEY", text("a key"), doc="secret", secret=True)
    database: str = setting("X_DB", url("postgresql"), default="postgresql://h", doc="secret too", secret=True)


NEEDED = {"X_KEY": SECRET}


def test_defaults_stand_where_nothing_or_an_empty_text_is_given():
    settings = load(Example, NEEDED | {"X_TTL_S": "", "X_COLOUR": "  "})
    assert (settings.ttl_s, settings.batch_max, settings.colour, settings.paused) == (10.0, 5, "red", False)
    assert settings.file is None


def test_values_are_of_their_kind():
    given = {"X_TTL_S": "2.5", "X_BATCH_MAX": "7", "X_COLOUR": "blue", "X_PAUSED": "True", "X_FILE_OF": "/a/b"}
    settings = load(Example, NEEDED | given)
    assert (settings.ttl_s, settings.batch_max, settings.colour, settings.paused) == (2.5, 7, "blue", True)
    assert settings.file == Path("/a/b")


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("X_TTL_S", "abc", "a number of seconds from 1 to 60"),
        ("X_TTL_S", "61", "a number of seconds from 1 to 60"),
        ("X_TTL_S", "nan", "a number of seconds from 1 to 60"),
        ("X_TTL_S", "inf", "a number of seconds from 1 to 60"),
        ("X_BATCH_MAX", "2.5", "a whole number from 1 to 100"),
        ("X_BATCH_MAX", "0", "a whole number from 1 to 100"),
        ("X_COLOUR", "green", "red or blue"),
        ("X_PAUSED", "yes", "true or false"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(variable, value, allowed):
    with pytest.raises(SettingError) as caught:
        load(Example, NEEDED | {variable: value})
    assert str(caught.value) == f"{variable} is {value!r}: allowed is {allowed}"


def test_what_is_needed_and_not_there_is_named():
    with pytest.raises(SettingError, match="X_KEY is not set: a key is needed"):
        load(Example, {})


def test_a_wrong_secret_is_named_and_not_shown():
    with pytest.raises(SettingError) as caught:
        load(Example, NEEDED | {"X_DB": f"mysql://u:{SECRET}@h/db"})
    assert str(caught.value) == "X_DB has a value that is not allowed: allowed is postgresql://…"


@pytest.mark.parametrize("value", ["postgresql://", "postgresql:///db", "postgresql://h:port/db", "postgresql://[::1"])
def test_a_url_needs_a_host_and_a_port_that_is_one(value):
    with pytest.raises(SettingError, match="X_DB has a value"):
        load(Example, NEEDED | {"X_DB": value})


def test_secrets_do_not_show_in_the_repr():
    settings = load(Example, NEEDED | {"X_DB": f"postgresql://u:{SECRET}@h/db"})
    assert SECRET not in repr(settings)
    assert "ttl_s=10.0" in repr(settings)


def test_a_secret_can_come_from_a_file(tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n")
    assert load(Example, {"X_KEY_FILE": str(file)}).key == SECRET


def test_what_is_no_secret_cannot():
    assert load(Example, NEEDED | {"X_COLOUR_FILE": "/dev/null"}).colour == "red"


def test_a_secret_comes_from_one_place(tmp_path):
    with pytest.raises(SettingError, match="X_KEY and X_KEY_FILE are both set") as caught:
        load(Example, NEEDED | {"X_KEY_FILE": str(tmp_path)})
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"])
def test_a_secrets_file_that_cannot_be_used(tmp_path, content):
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingError, match="X_KEY_FILE is"):
        load(Example, {"X_KEY_FILE": str(file)})


def test_what_a_secrets_file_holds_is_not_shown_either(tmp_path):
    file = tmp_path / "db"
    file.write_text(f"mysql://u:{SECRET}@h/db")
    with pytest.raises(SettingError) as caught:
        load(Example, NEEDED | {"X_DB_FILE": str(file)})
    assert SECRET not in str(caught.value)


def test_declarations_can_be_listed_for_the_documentation():
    declared = {spec.variable: (spec.default, spec.secret, spec.doc) for _, spec in specs(Example)}
    assert declared["X_TTL_S"] == ("10", False, "how long")
    assert declared["X_KEY"] == (None, True, "secret")


def test_a_command_refuses_with_the_sentence_and_status_2(capsys):
    assert refuse("thing", lambda: int(load(Example, {}).ttl_s)) == 2
    assert capsys.readouterr().err == "thing: X_KEY is not set: a key is needed\n"


@pytest.mark.parametrize(
    "value",
    ["redis://h", "redis://h:1/2", f"rediss://u:{SECRET}@h:1", "rediss://h?ssl_cert_reqs=none", "redis://[::1]:1"],
)
def test_redis_urls_of_one_server(value):
    assert redis_url().parse(value) == value


@pytest.mark.parametrize(
    "value",
    [
        f"redis+sentinel://:{SECRET}@a:1/main",
        f"sentinel://:{SECRET}@a:1",
        f"redis+cluster://:{SECRET}@a:1",
        f"redis://:{SECRET}@a:1,b:2,c:3/0",
    ],
)
def test_sentinel_and_cluster_forms_are_refused_with_a_sentence_of_their_own(value):
    with pytest.raises(SettingError, match="not supported yet") as caught:
        redis_url().parse(value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("option", ["retry_on_timeout=true", "socket_timeout=60", "db=1&ssl_cert_reqs=none"])
def test_options_that_would_change_the_client_are_refused(option):
    with pytest.raises(SettingError, match="options after"):
        redis_url().parse(f"redis://:{SECRET}@h/0?{option}")


@pytest.mark.parametrize("value", ["http://h", "redis://", "h:6379", "redis://h:x", "unix:///run/redis.sock"])
def test_what_is_no_redis_url(value):
    with pytest.raises(ValueError, match=r".*"):
        redis_url().parse(value)
