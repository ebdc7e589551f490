"""The program of the 45 cases counts nothing as survived that was not shown."""

import pytest

from faults import table
from faults.catalogue import CASES, GROUPS
from faults.runs import Result, Shown


def result(outcome="survived", number=11, seed=1, why="", t_s=None, **row):
    shown = Shown(test=f"tests/x.py::test_{outcome}", numbers=(number,), t_s=t_s)
    return Result(shown=shown, seed=seed, outcome=outcome, why=why, row=row)


def line(*results, number=11):
    return table.line_of(CASES[number], results)


def test_there_are_45_cases_in_their_order():
    assert list(CASES) == list(range(1, 46))
    assert sum(len(cases) for cases in GROUPS.values()) == 45


def test_a_case_is_survived_if_all_its_tests_are():
    assert line(result(), result(seed=2)).is_survived
    assert not line(result(), result("failed", seed=2)).is_survived


@pytest.mark.parametrize("outcome", ["missing tool", "skipped", "did not run"])
def test_what_was_not_shown_is_not_survived(outcome):
    assert not line(result(), result(outcome)).is_survived


def test_a_case_without_a_test_is_not_survived():
    assert (line().verdict, line().is_survived) == ("no test", False)


def test_a_missing_tool_is_named_in_the_table():
    lines = [line(result("missing tool", why="missing tool: strace"))]
    assert "not shown: missing tool: strace" in table.markdown(lines)
    assert "0 of 45 survived" in table.markdown(lines)


def test_the_worst_figures_are_shown():
    told = table.as_text(line(result(lost=0, T=1.0, t_s=5.0), result(seed=7, lost=3, T=4.0, t_s=5.0)))
    assert "lost 3" in told
    assert "doubled -" in told
    assert "T 4.00 s of 5 s" in told
    assert "seed 1-7" in told


def test_the_time_that_came_nearest_to_its_bound_is_shown():
    told = table.as_text(line(result(T=1.0, t_s=1.0), result(T=4.0, t_s=9.0)))
    assert "T 1.00 s of 1 s" in told


def test_the_replay_names_the_seed_that_failed():
    assert table.replay_of(line(result(), result("failed", seed=7))) == "make faults CASE=11 SEED=7"


def test_the_table_takes_its_place_and_nothing_else():
    text = f"before\n{table.BEGIN}\nold\n{table.END}\nafter"
    assert table.between_markers(text, "new") == f"before\n{table.BEGIN}\nnew\n{table.END}\nafter"
    with pytest.raises(ValueError, match="no place"):
        table.between_markers("before", "new")


def test_one_case_run_again_renews_its_row_alone():
    before = table.markdown([line(result("failed", number=number), number=number) for number in (11, 12)])
    after = table.renewed(before, [line(result(lost=0), number=11)])
    changed = [new for old, new in zip(before.split("\n"), after.split("\n"), strict=True) if old != new]
    assert [row.split("|")[1].strip() for row in changed[:1]] == ["11"]
    assert changed[0].endswith("| survived |")
    assert changed[1:] == ["1 of 45 survived, seed 1; the figures are the worst that were seen."]
