"""The cases in their order. A case is a function of the stage; its text says what it shows."""

from collections.abc import Callable
from dataclasses import dataclass

from e2e.stage import Stage

Show = Callable[[Stage], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``name``: for `make e2e CASE=name`. ``shows``: for people."""

    name: str
    shows: str
    show: Show


CASES: dict[str, Case] = {}


def case(shows: str) -> Callable[[Show], Show]:
    """Enter a function among the cases, under its own name."""

    def enter(show: Show) -> Show:
        name = show.__name__.replace("_", "-")
        assert name not in CASES, f"there are two cases called {name}"
        CASES[name] = Case(name=name, shows=shows, show=show)
        return show

    return enter


def chosen(words: str) -> list[Case]:
    """The cases of a list of names or parts of names with commas between; all of them for an empty one.

    Raises ValueError with a sentence for a word that no name has.
    """
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    for word in wanted:
        if not any(word in name for name in CASES):
            raise ValueError(f"no case is called {word}; they are {', '.join(CASES)}")
    return [one for one in CASES.values() if not wanted or any(_means(word, one.name) for word in wanted)]


def _means(word: str, name: str) -> bool:
    """A whole name means that case alone."""
    return word == name if word in CASES else word in name
