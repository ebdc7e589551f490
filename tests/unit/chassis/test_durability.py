"""What becomes of the answer to the question whether a store keeps what it acknowledged."""

import asyncio
import math

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from chassis import durability as module
from chassis.durability import Doubt, Durability, first_look, objection, watching
from chassis.settings import SettingError

SYNC = Doubt(reason="sync", meaning="it syncs each second, so a second may be lost", remedy="sync always")
SLOW = Doubt(reason="slow", meaning="it loses time", remedy="set it to on", loses_events=False)
HIDDEN = Doubt(reason="hidden", meaning="it does not say", remedy="allow us to ask", is_known=False)


class Made(Durability):
    """With a registry of its own to look into."""

    def __init__(self, *, required=False):
        self.registry = CollectorRegistry()
        super().__init__("Redis", self.registry, required=required)

    def figure(self, name, **labels):
        return self.registry.get_sample_value(name, labels)


@pytest.mark.parametrize(
    ("doubts", "figure"),
    [([], 1.0), ([SYNC], 0.0), ([SLOW], 0.0), ([SYNC, HIDDEN], 0.0), ([HIDDEN], math.nan)],
)
def test_the_gauge_is_one_zero_or_not_a_number(doubts, figure):
    made = Made()
    made.note(doubts)
    assert made.figure("antre_redis_durable") == pytest.approx(figure, nan_ok=True)


def test_before_anybody_answered_the_gauge_is_not_a_number():
    made = Made()
    assert math.isnan(made.figure("antre_redis_durable"))
    made.note(None)
    assert math.isnan(made.figure("antre_redis_durable"))


def test_a_reason_is_one_as_long_as_it_is_there():
    made = Made()
    made.note([SYNC, SLOW])
    made.note([SLOW])
    assert made.figure("antre_redis_doubts", reason="sync") == 0
    assert made.figure("antre_redis_doubts", reason="slow") == 1


def test_while_nobody_answers_what_was_known_stands():
    made = Made(required=True)
    made.note([SYNC])
    made.note(None)
    assert made.figure("antre_redis_durable") == 0
    assert made.threat() is not None


def test_a_doubt_is_told_once_and_so_is_its_end():
    made = Made()
    with capture_logs() as lines:
        for doubts in ([SYNC], [SYNC], None, [SYNC, SLOW], [], []):
            made.note(doubts)
    assert [(line["event"], line.get("reason")) for line in lines] == [
        ("not_durable", "sync"),
        ("not_durable", "slow"),
        ("durable_again", None),
    ]
    assert lines[0]["log_level"] == "warning"
    assert (lines[0]["store"], lines[0]["meaning"], lines[0]["remedy"]) == ("Redis", SYNC.meaning, SYNC.remedy)


def test_a_durable_store_is_no_news():
    with capture_logs() as lines:
        Made(required=True).begin([])
    assert lines == []


def test_what_is_required_and_missing_is_an_error_in_the_log():
    made = Made(required=True)
    with capture_logs() as lines:
        made.note([SYNC])
    assert [line["log_level"] for line in lines] == ["error"]


@pytest.mark.parametrize("doubt", [SYNC, SLOW, HIDDEN])
def test_required_it_refuses_to_start_in_one_sentence_that_says_what_to_do(doubt):
    with pytest.raises(SettingError) as refused, capture_logs() as lines:
        Made(required=True).begin([doubt])
    assert str(refused.value) == (
        f"ANTRE_REQUIRE_DURABLE_REDIS is true, but Redis may lose what it acknowledged: {doubt.meaning}. "
        f"To mend it, {doubt.remedy}; to start in spite of it, set ANTRE_REQUIRE_DURABLE_REDIS to false"
    )
    assert lines == []


def test_not_required_it_starts_and_objects_to_nothing():
    made = Made()
    made.begin([SYNC, HIDDEN])
    assert (made.objection(), made.threat()) == (None, None)
    assert made.figure("antre_redis_durable") == 0


def test_a_store_that_is_away_at_the_start_refuses_nothing():
    made = Made(required=True)
    made.begin(None)
    assert (made.objection(), made.threat()) == (None, None)


def test_required_it_objects_as_long_as_there_is_a_doubt():
    made = Made(required=True)
    made.note([SYNC, SLOW])
    assert made.objection() == "Redis is not durable (sync, slow)"
    made.note([])
    assert (made.objection(), made.threat()) == (None, None)


def test_what_costs_time_only_is_no_threat_to_what_was_acknowledged():
    made = Made(required=True)
    made.note([SLOW])
    assert (made.objection(), made.threat()) == ("Redis is not durable (slow)", None)
    made.note([SLOW, HIDDEN])
    assert made.threat() == "Redis is not durable (hidden)"


def test_two_stores_have_figures_and_variables_of_their_own():
    registry = CollectorRegistry()
    redis = Durability("Redis", registry, required=True)
    postgres = Durability("Postgres", registry, required=True)
    redis.note([])
    postgres.note([SYNC])
    shown = generate_latest(registry).decode()
    assert "antre_redis_durable 1.0" in shown
    assert "antre_postgres_durable 0.0" in shown
    assert 'antre_postgres_doubts{reason="sync"} 1.0' in shown
    assert objection([redis, postgres]) == "Postgres is not durable (sync)"
    with pytest.raises(SettingError, match="ANTRE_REQUIRE_DURABLE_POSTGRES is true, but Postgres may lose"):
        postgres.begin([SYNC])


class Answers:
    """A store that answers these, and then the last of them for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self):
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def in_doubt(made):
    async with asyncio.timeout(5):
        while made.figure("antre_redis_durable") != 0:  # noqa: ASYNC110 - a figure tells nobody
            await asyncio.sleep(0.01)


async def test_the_first_look_asks_all_stores_and_does_not_wait_for_one_that_hangs(monkeypatch):
    monkeypatch.setattr(module, "FIRST_LOOK_S", 0.05)
    answering, hanging = Made(required=True), Made(required=True)
    await first_look({answering: Answers([]), hanging: asyncio.Event().wait})
    assert answering.figure("antre_redis_durable") == 1
    assert math.isnan(hanging.figure("antre_redis_durable"))
    with pytest.raises(SettingError):
        await first_look({hanging: Answers(None), answering: Answers([SYNC])})


async def test_a_store_that_is_watched_is_asked_again_and_sooner_until_it_answers(monkeypatch):
    monkeypatch.setattr(module, "SOON_S", 0.01)
    monkeypatch.setattr(module, "EVERY_S", 60.0)
    made, ask = Made(), Answers(None, None, [SYNC], [])
    async with watching({made: ask}):
        await in_doubt(made)
        await asyncio.sleep(0.05)
        assert ask.asked == 3


async def test_a_change_is_seen_while_it_is_watched_and_not_afterwards(monkeypatch):
    monkeypatch.setattr(module, "EVERY_S", 0.01)
    made, ask = Made(), Answers([], [], [SYNC])
    async with watching({made: ask}):
        await in_doubt(made)
    asked = ask.asked
    await asyncio.sleep(0.05)
    assert ask.asked == asked
