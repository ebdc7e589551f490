import pytest

from .seams import counted, counted_statements
from .steps import Death, Step, Steps, steps_of


class Port:
    async def send(self, word):
        """A call."""

    async def note(self, word):
        """Another."""


class Adapter:
    async def send(self, word):
        return word

    async def note(self, word):
        return await self._run(word)

    async def _run(self, word):
        return word

    _rows = _run


@pytest.fixture
def trace(tmp_path):
    return tmp_path / "steps"


def lines(trace):
    return [str(step) for step in steps_of(trace)]


async def test_a_call_is_a_step_before_and_a_step_after_it(trace):
    adapter = counted(Adapter, Port, "inbox", Steps(trace, Death()))()
    assert await adapter.note("word") == "word"
    assert lines(trace) == ["1 before inbox.note 1", "2 after inbox.note 1"]


async def test_a_call_that_changes_something_elsewhere_is_a_step_under_way_too(trace):
    port = type("Inbox", (), {"append": Port.send})
    adapter = counted(type("Redis", (), {"append": Adapter.send}), port, "inbox", Steps(trace, Death()))()
    assert await adapter.append("word") == "word"
    assert [line.split()[1] for line in lines(trace)] == ["before", "during", "after"]


async def test_a_call_of_a_transaction_counts_its_statements_alone(trace):
    adapter = counted_statements(Adapter, Port, "transaction", Steps(trace, Death()))()
    await adapter.send("nothing goes to the server")
    await adapter.note("word")
    await adapter.note("word")
    assert lines(trace) == ["1 before transaction.note 1", "2 before transaction.note 2"]


def test_who_only_looked_on_starts_over(trace):
    steps = Steps(trace, Death())
    steps.reach("before", "lease.acquire")
    steps.start_over()
    steps.reach("before", "ledger.commit")
    assert lines(trace) == ["1 before ledger.commit 1"]


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("17", Step(17, "after", "ledger.commit", 2)),
        ("after ledger.commit 3", Step(1, "after", "ledger.commit", 3)),
        ("during platform.assign", Step(1, "during", "platform.assign", 1)),
    ],
)
def test_a_death_comes_at_a_number_or_at_a_place(text, step):
    assert Death.at(text).comes(step)
    assert not Death.at(text).comes(Step(2, "before", "ledger.commit", 1))


def test_without_a_wish_nobody_dies():
    assert not Death.at("").comes(Step(1, "before", "ledger.commit", 1))


@pytest.mark.parametrize("text", ["-1", "when ledger.commit 1", "after Ledger", "after ledger.commit x"])
def test_a_place_that_there_is_not_is_refused(text):
    with pytest.raises(ValueError, match="is no step"):
        Death.at(text)
