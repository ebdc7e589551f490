"""What a person reads of a run."""

from collections.abc import Iterator

from simulation.run import Outcome


def told(outcome: Outcome) -> Iterator[str]:
    """A run as lines: what it was made of, what happened, what was wrong."""
    script = outcome.script
    yield (
        f"seed {script.seed}: {_many(script.allocators, 'allocator')}, {_many(script.gateways, 'gateway')}, "
        f"{_many(script.agents, 'agent')} of capacity {script.capacity}, strategy {' > '.join(script.strategy)}"
    )
    for at, text in outcome.story:
        yield f"  t={at:.2f} {text}"
    for wrong in outcome.wrongs or ("nothing was wrong",):
        yield f"=> {wrong}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"
