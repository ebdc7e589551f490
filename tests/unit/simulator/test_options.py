"""Options and faults: read from two places, refused with a sentence."""

import dataclasses

import pytest

from qiscus_simulator.faults import NAMES, Faults, as_json, with_changes
from qiscus_simulator.options import OPTIONS, read_options


def test_the_defaults_are_a_quiet_simulator():
    options = read_options([], {})
    assert (options.host, options.port, options.apps) == ("127.0.0.1", 8090, {"sim-demo": "secret"})
    assert (options.agents, options.capacity, options.customers_per_s) == (10, 2, 0.0)
    assert options.service_s == (1.5, 4.0)
    assert options.faults == Faults()


def test_the_command_line_wins_over_the_environment():
    environ = {"SIMULATOR_PORT": "9000", "SIMULATOR_AGENTS": "3", "SIMULATOR_FAULT": "error_5xx=0.5,room_lag_s=3"}
    options = read_options(["--port", "9001"], environ)
    assert (options.port, options.agents) == (9001, 3)
    assert (options.faults.error_5xx, options.faults.room_lag_s) == (0.5, 3.0)


def test_an_empty_variable_is_not_set_and_a_wrong_one_is_named():
    assert read_options([], {"SIMULATOR_PORT": ""}).port == 8090
    with pytest.raises(ValueError, match="SIMULATOR_PORT is 'x'"):
        read_options([], {"SIMULATOR_PORT": "x"})


def test_what_may_be_repeated_adds_up():
    options = read_options(["--app", "sim-a:x", "--app", "sim-b:y:z", "--fault", "latency_s=0.1:0.2"], {})
    assert options.apps == {"sim-a": "x", "sim-b": "y:z"}
    assert options.faults.latency_s == (0.1, 0.2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--app", "shop:secret"], "sim-"),
        (["--app", "sim-a"], "sim-<name>:<secret>"),
        (["--app", "sim-a:x", "--app", "sim-a:y"], "twice"),
        (["--port", "x"], "0 to 65535"),
        (["--port", "65536"], "0 to 65535"),
        (["--agents", "0"], "1 to 5000"),
        (["--service-s", "4:1"], "min:max"),
        (["--service-s", "a:b"], "a number"),
        (["--customers-per-s", "nan"], "0 to 1000"),
        (["--allocate-url", "ftp://x"], "http"),
        (["--fault", "nope=1"], "there is no fault 'nope'"),
        (["--fault", "error_5xx"], "name=value"),
        (["--fault", "error_5xx=2"], "0 to 1"),
        (["--log-level", "loud"], "debug"),
    ],
)
def test_a_wrong_value_is_one_sentence_with_option_value_and_what_is_allowed(arguments, words):
    with pytest.raises(ValueError, match=words) as wrong:
        read_options(arguments, {})
    assert arguments[0] in str(wrong.value)
    assert "\n" not in str(wrong.value)


@pytest.mark.parametrize(
    "environ",
    [
        {"QISCUS_APP_ID": "shop-abc"},
        {"QISCUS_BASE_URL": "https://omnichannel.qiscus.com"},
        {"QISCUS_BASE_URL": "https://qismo-stag.qiscus.io/api"},
        {"QISCUS_BASE_URL": "MULTICHANNEL.QISCUS.COM:443"},
        {"QISCUS_BASE_URL": "https://qiscus.com."},
    ],
)
def test_it_never_starts_near_production(environ):
    with pytest.raises(ValueError, match="not near production"):
        read_options([], environ)


def test_it_starts_beside_its_own_credentials():
    read_options([], {"QISCUS_APP_ID": "sim-demo", "QISCUS_BASE_URL": "http://127.0.0.1:8090"})


def test_every_option_has_a_flag_and_a_variable_and_says_what_it_is_for():
    for option in OPTIONS:
        assert option.flag == "--" + option.name.replace("_", "-")
        assert option.variable == "SIMULATOR_" + option.name.upper()
        assert option.help


def test_faults_change_one_by_one():
    faults = with_changes(Faults(), {"error_5xx": 0.3, "latency_s": [0.1, 0.5]})
    assert with_changes(faults, {"error_5xx": 0}) == dataclasses.replace(faults, error_5xx=0.0)
    assert set(as_json(faults)) == set(NAMES)


@pytest.mark.parametrize("value", ["x", None, True, -1, 1.5, float("nan"), [0.1], {}])
def test_a_probability_is_a_number_from_0_to_1(value):
    with pytest.raises(ValueError, match="error_5xx"):
        with_changes(Faults(), {"error_5xx": value})


@pytest.fixture
def secret(tmp_path):
    """A Secret, as it is mounted: two tokens, the new one first, and the line ends that people leave behind."""
    for name, text in {"app-id": "sim-a\n", "secret-key": "a:b,c", "webhook-tokens": "new-token,old-token\n"}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


ADDRESSES = ["--allocate-url", "http://gateway/allocate", "--resolve-url", "http://gateway/resolve"]


def test_credentials_come_from_the_files_of_a_secret_and_only_the_new_token_is_used(secret):
    options = read_options(ADDRESSES, {"SIMULATOR_CREDENTIALS": str(secret)})
    assert options.apps == {"sim-a": "a:b,c"}
    assert options.allocate_url == "http://gateway/allocate/new-token"
    assert options.resolve_url == "http://gateway/resolve/new-token"


def test_without_a_token_or_an_address_nothing_is_put_behind_it(secret):
    assert read_options([], {"SIMULATOR_CREDENTIALS": str(secret)}).allocate_url == ""
    (secret / "webhook-tokens").unlink()
    assert read_options(ADDRESSES, {"SIMULATOR_CREDENTIALS": str(secret)}).resolve_url == "http://gateway/resolve"


def test_credentials_that_are_not_there_or_are_given_twice_or_are_real_are_refused(secret):
    with pytest.raises(ValueError, match="app-id cannot be read; allowed: a folder with app-id and secret-key"):
        read_options(["--credentials", str(secret / "nothing")], {})
    with pytest.raises(ValueError, match="both given"):
        read_options(["--credentials", str(secret), "--app", "sim-b:x"], {})
    (secret / "app-id").write_text("shop")
    with pytest.raises(ValueError, match="only sim- apps"):
        read_options(["--credentials", str(secret)], {})
