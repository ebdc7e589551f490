"""The allocator's settings: one sentence for each that is wrong, durations against each other, secrets never shown."""

import pytest

from allocator.app import lease_timing_of, tuning_of
from allocator.settings import apps_of, owner_of, settings_from
from chassis.settings import SettingError

SECRET = "s3cr3t-value"
GOOD = {
    "DATABASE_URL": f"postgresql://antre:{SECRET}@localhost/antre",
    "QISCUS_APP_ID": "demo-app",
    "QISCUS_SECRET_KEY": SECRET,
}


def refused(**changes):
    """The sentence."""
    with pytest.raises(SettingError) as caught:
        apps_of(settings_from(GOOD | changes))
    sentence = str(caught.value)
    assert SECRET not in sentence
    assert "\n" not in sentence
    return sentence


def test_the_defaults_agree_with_each_other():
    settings = settings_from(GOOD)
    assert (settings.lease_ttl_s, settings.lease_renew_s) == (10, 2)
    assert (settings.platform_timeout_s, settings.quarantine_s, settings.sweep_s) == (4, 30, 60)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://localhost/antre"),
        ("DATABASE_URL", "localhost"),
        ("REDIS_URL", "http://localhost"),
        ("REDIS_URL", "redis+sentinel://a,b/mymaster"),
        ("REDIS_URL", "redis://localhost?retry_on_timeout=yes"),
        ("QISCUS_BASE_URL", "omnichannel.qiscus.com"),
        ("QISCUS_APP_ID", "an app"),
        ("ANTRE_METRICS_PORT", "70000"),
        ("ANTRE_METRICS_PORT", "http"),
        ("ANTRE_LEASE_TTL_S", "2"),
        ("ANTRE_LEASE_TTL_S", "nan"),
        ("ANTRE_LEASE_TTL_S", "ten"),
        ("ANTRE_LEASE_RENEW_S", "0"),
        ("ANTRE_PLATFORM_TIMEOUT_S", "-1"),
        ("ANTRE_PLATFORM_TIMEOUT_S", "inf"),
        ("ANTRE_PLATFORM_LAG_S", "61"),
        ("ANTRE_QUARANTINE_S", "1000"),
        ("ANTRE_SWEEP_S", "0.5"),
        ("ANTRE_CALLS_MAX", "0"),
        ("ANTRE_CALLS_MAX", "1.5"),
        ("ANTRE_DATABASE_TIMEOUT_S", "0"),
        ("ANTRE_RETENTION_DAYS", "0"),
        ("ANTRE_LOG_FORMAT", "xml"),
        ("ANTRE_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence_that_names_it(variable, value):
    assert variable in refused(**{variable: value})


@pytest.mark.parametrize("variable", ["DATABASE_URL"])
def test_what_has_no_default_must_be_set(variable):
    assert f"{variable} is not set" in refused(**{variable: ""})


def test_a_lease_too_short_for_a_platform_call_is_refused_with_the_sum():
    sentence = refused(ANTRE_LEASE_TTL_S="7")
    for word in ("ANTRE_LEASE_TTL_S is 7", "ANTRE_LEASE_RENEW_S (2)", "leaves 4 s", "ANTRE_PLATFORM_TIMEOUT_S (4)"):
        assert word in sentence


def test_a_lease_that_leaves_just_enough_is_taken():
    assert settings_from(GOOD | {"ANTRE_LEASE_TTL_S": "8"}).lease_ttl_s == 8


def test_a_renewal_slower_than_the_lease_is_refused():
    assert "ANTRE_LEASE_RENEW_S (9)" in refused(ANTRE_LEASE_RENEW_S="9")


def test_a_platform_time_out_longer_than_the_lease_is_refused():
    assert "ANTRE_PLATFORM_TIMEOUT_S (12)" in refused(ANTRE_PLATFORM_TIMEOUT_S="12")


def test_a_quarantine_shorter_than_two_time_outs_is_refused():
    assert "ANTRE_QUARANTINE_S is 7" in refused(ANTRE_QUARANTINE_S="7")


def test_which_apps_are_served_must_be_said_and_only_once(tmp_path):
    file = tmp_path / "apps.toml"
    file.write_text(f'[[app]]\nid = "one"\nsecret_key = "{SECRET}"\n')
    assert "QISCUS_APP_ID and ANTRE_APPS_FILE" in refused(QISCUS_APP_ID="")
    assert "QISCUS_APP_ID and ANTRE_APPS_FILE" in refused(ANTRE_APPS_FILE=str(file))


def test_an_app_without_its_secret_cannot_be_served():
    assert "QISCUS_SECRET_KEY is not set" in refused(QISCUS_SECRET_KEY="")


def test_one_app_comes_from_the_environment():
    (app,) = apps_of(settings_from(GOOD))
    assert (app.id, app.secret_key) == ("demo-app", SECRET)


def test_several_apps_come_from_a_file(tmp_path):
    (tmp_path / "key").write_text(f"{SECRET}\n")
    file = tmp_path / "apps.toml"
    file.write_text(
        f'[[app]]\nid = "one"\nsecret_key = "{SECRET}"\nwebhook_tokens = ["12345678"]\n'
        f'[[app]]\nid = "two"\nsecret_key_file = "{tmp_path / "key"}"\nwebhook_tokens = ["87654321"]\n'
    )
    apps = apps_of(settings_from(GOOD | {"QISCUS_APP_ID": "", "ANTRE_APPS_FILE": str(file)}))
    assert [(app.id, app.secret_key) for app in apps] == [("one", SECRET), ("two", SECRET)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[[app]]\nid = "one"\n', "app one has no secret_key"),
        ('[[app]]\nid = "a b"\nsecret_key = "x"\n', "'a b'"),
        ("nonsense", "not TOML"),
        ("app = []\n", "0 apps"),
        (f'[[app]]\nid = "one"\nsecret_key = "{SECRET}"\ncolour = "red"\n', "colour"),
    ],
)
def test_a_wrong_file_of_apps_is_refused_in_one_sentence(tmp_path, content, words):
    file = tmp_path / "apps.toml"
    file.write_text(content)
    sentence = refused(QISCUS_APP_ID="", ANTRE_APPS_FILE=str(file))
    assert words in sentence


def test_a_secret_can_come_from_a_file(tmp_path):
    file = tmp_path / "url"
    file.write_text(GOOD["DATABASE_URL"])
    settings = settings_from(GOOD | {"DATABASE_URL": "", "DATABASE_URL_FILE": str(file)})
    assert settings.database_url == GOOD["DATABASE_URL"]


def test_no_secret_shows_where_settings_or_apps_are_shown():
    settings = settings_from(GOOD | {"REDIS_URL": f"redis://:{SECRET}@localhost"})
    assert SECRET not in repr(settings)
    assert SECRET not in repr(apps_of(settings))


def test_no_two_processes_have_one_name():
    settings = settings_from(GOOD | {"ANTRE_INSTANCE": "left"})
    assert owner_of(settings).startswith("left-")
    assert owner_of(settings) != owner_of(settings)


def test_the_durations_reach_the_leader_and_the_elector():
    settings = settings_from(GOOD | {"ANTRE_QUARANTINE_S": "20", "ANTRE_CALLS_MAX": "5", "ANTRE_LEASE_TTL_S": "12"})
    tuning = tuning_of(settings)
    assert (tuning.timing.quarantine_s, tuning.calls_max) == (20, 5)
    assert lease_timing_of(settings).ttl_s == 12
