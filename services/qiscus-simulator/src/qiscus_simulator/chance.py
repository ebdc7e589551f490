"""All chance comes from one seed, in independent streams, so that one concern's draws do not shift another's."""

from random import Random


def stream(seed: int, *names: str) -> Random:
    """Return the random stream of a concern: the same seed and names give the same draws on every machine."""
    return Random("/".join((str(seed), *names)))  # noqa: S311 - chance that repeats is the point


def happens(random: Random, probability: float) -> bool:
    """Toss once. Nothing is drawn for 0 and 1, so switching a fault off does not depend on luck."""
    if probability <= 0.0:
        return False
    return probability >= 1.0 or random.random() < probability
