"""What the settings of a Postgres mean for what it committed."""

import pytest

from allocator.adapters.postgres import doubts_of

DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


@pytest.mark.parametrize("setting", DURABLE)
def test_each_setting_that_is_off_gives_reason_for_a_doubt(setting):
    (doubt,) = doubts_of(DURABLE | {setting: "off"})
    assert doubt.reason == setting
    assert f"{setting} is off" in doubt.meaning
    assert doubt.remedy == f"set {setting} to on"


@pytest.mark.parametrize("level", ["on", "local", "remote_write", "remote_apply"])
def test_what_is_on_disk_here_is_durable_whatever_standbys_have(level):
    assert doubts_of(DURABLE | {"synchronous_commit": level}) == ()
