"""What a campaign says of memory: a leak is seen, and a rise that ends is none."""

from security.memory import GROWTH_MAX_MB, LEVEL_MAX_MB, Track

RUNS = 1_000_000


def track(mb_at, runs=RUNS):
    made = Track(runs)
    for inputs in range(0, runs + 1, 1_000):
        made.note(inputs, mb_at(inputs / runs))
    return made


def test_memory_that_rises_and_levels_off_is_well():
    made = track(lambda share: 50 + min(share, 0.2) * 150)
    assert made.late_growth_mb == 0
    assert made.complaint() is None


def test_memory_that_grows_a_little_with_each_input_is_a_leak():
    made = track(lambda share: 50 + share * 3 * LEVEL_MAX_MB)
    assert made.growth_mb < GROWTH_MAX_MB
    assert "level off" in made.complaint()


def test_memory_that_grows_much_is_too_much_wherever_it_grows():
    assert "grew by" in track(lambda share: 50 + (share > 0.1) * 2 * GROWTH_MAX_MB).complaint()


def test_a_short_campaign_says_nothing_of_its_second_half():
    assert track(lambda share: 50 + share * 3 * LEVEL_MAX_MB, runs=50_000).complaint() is None


def test_what_was_seen_is_told_from_the_first_to_the_last():
    lines = list(track(lambda share: 50 + share * 10).told())
    assert len(lines) == 11
    assert lines[0].split() == ["4,000", "inputs", "50.0", "MB"]
    assert lines[-1].split() == ["1,000,000", "inputs", "60.0", "MB"]


def test_nothing_seen_is_nothing_wrong():
    made = Track(RUNS)
    assert (made.growth_mb, made.late_growth_mb, list(made.told()), made.complaint()) == (0.0, 0.0, [], None)
