"""What the person who starts the system may choose."""

import pytest

from one_machine.options import OptionError, read_options


def test_without_a_word_there_is_a_simulator_with_the_defaults():
    options = read_options([], {})
    assert (options.for_s, options.customers_per_s, options.agents) == (None, 8, 20)
    assert (options.capacity, options.seed, options.platform) == (2, 1, None)


def test_an_empty_value_is_the_default_since_make_passes_all_of_them():
    empty = ["--for", "", "--customers-per-s", "", "--agents", "", "--capacity", "", "--seed", ""]
    assert read_options(empty, {}) == read_options([], {})


def test_every_choice_is_followed():
    options = read_options(
        ["--for", "30", "--customers-per-s", "2.5", "--agents", "3", "--capacity", "4", "--seed", "5"], {}
    )
    assert (options.for_s, options.customers_per_s, options.agents) == (30, 2.5, 3)
    assert (options.capacity, options.seed) == (4, 5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--for", "soon"], "FOR is 'soon'; allowed is a number from 1 to 86400."),
        (["--for", "nan"], "FOR is 'nan'; allowed is a number from 1 to 86400."),
        (["--for", "0"], "FOR is '0'; allowed is a number from 1 to 86400."),
        (["--customers-per-s", "-1"], "CUSTOMERS_PER_S is '-1'; allowed is a number from 0 to 1000."),
        (["--agents", "1.5"], "AGENTS is '1.5'; allowed is a whole number from 1 to 5000."),
        (["--capacity", "0"], "CAPACITY is '0'; allowed is a whole number from 1 to 1000."),
        (["--seed", "x"], f"SEED is 'x'; allowed is a whole number from 0 to {2**63 - 1}."),
    ],
)
def test_a_wrong_choice_is_refused_in_one_sentence(arguments, sentence):
    with pytest.raises(OptionError) as refused:
        read_options(arguments, {})
    assert str(refused.value) == sentence


def test_credentials_mean_the_real_platform():
    platform = read_options([], {"QISCUS_APP_ID": "abc-1", "QISCUS_SECRET_KEY": "s"}).platform
    assert platform is not None
    assert platform.base_url == "https://omnichannel.qiscus.com"


@pytest.mark.parametrize("given", ["QISCUS_APP_ID", "QISCUS_SECRET_KEY"])
def test_half_the_credentials_are_refused_and_the_secret_is_not_repeated(given):
    with pytest.raises(OptionError, match="is not set; set both") as refused:
        read_options([], {given: "hush"})
    assert "hush" not in str(refused.value)


def test_a_base_url_that_is_none_is_refused():
    environ = {"QISCUS_APP_ID": "abc-1", "QISCUS_SECRET_KEY": "s", "QISCUS_BASE_URL": "omnichannel"}
    with pytest.raises(OptionError, match="QISCUS_BASE_URL is 'omnichannel'"):
        read_options([], environ)
