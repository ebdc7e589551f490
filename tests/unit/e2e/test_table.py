"""The table of `make e2e`: what was seen is said, and nothing that was not."""

import pytest

from e2e.judge import Figures
from e2e.table import BEGIN, END, FAILED, NOT_HERE, PASSED, Result, between_markers, line, markdown

RIGHT = {"lost": 0, "doubled": 0, "over": 0, "out_of_order": 0}


def result(**changes):
    figures = Figures(arrived=120, assigned=120, refused=3, turned_away=0, wait_max_s=4.26, verdict=RIGHT, stories=[])
    told = {
        "name": "redis-killed",
        "shows": "the Redis pod is killed",
        "outcome": PASSED,
        "took_s": 41.2,
        "figures": figures,
        "remarks": ["served again after 3.1 s"],
    }
    return Result(**{**told, **changes})


def test_a_line_has_the_figures_of_the_record():
    text = line(result(), 3, 20)
    assert text.startswith("[ 3/20] passed     41 s  the Redis pod is killed")
    assert "customers 120" in text
    assert "refused 3" in text
    assert "longest wait 4.26 s" in text


def test_the_table_says_of_each_case_what_was_seen_and_of_all_how_many_passed():
    failed = result(outcome=FAILED, why="2 lost: a story\nand its second line", figures=None)
    text = markdown([result(), failed, result(outcome=NOT_HERE, why="one node", figures=None)], "kind")
    rows = [row for row in text.splitlines() if row.startswith("| the")]
    assert rows[0].endswith("| 41 s | served again after 3.1 s | passed |")
    assert rows[1].endswith("| failed: 2 lost: a story |")
    assert rows[2].endswith("| not here: one node |")
    assert "1 of 3 passed in 2 minutes. kind" in text


def test_a_cell_cannot_end_its_column():
    assert "a \\| b" in markdown([result(remarks=["a | b"])], "")


def test_the_document_keeps_what_is_around_the_table():
    assert between_markers(f"before {BEGIN} old {END} after", "new") == f"before {BEGIN}\nnew\n{END} after"
    with pytest.raises(ValueError, match="no place for the table"):
        between_markers("nothing", "new")


def test_a_broken_promise_is_told_with_its_number():
    figures = Figures(
        arrived=1, assigned=1, refused=0, turned_away=0, wait_max_s=0, verdict={**RIGHT, "lost": 2}, stories=[]
    )
    assert figures.wrong == ["2 lost"]
