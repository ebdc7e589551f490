"""Run after run: each dies one step later, until stories end without a death."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import count

from .bench import Bench
from .sentence import Sentence, judged, stood_still
from .stage import GATEWAY, Plan, Stage, Stuck, staged
from .steps import Death, Step
from .story import GATEWAY_BEATS, Beat, story_of, tell

STEPS_MAX = 2_000
SURVIVORS = 3
"""So many runs without a death end a sweep: the length of a story varies by some steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that is over. ``steps``: the victim's; ``recovery_s``: T, from a death to the next assignment."""

    plan: Plan
    steps: Sequence[Step]
    died: bool
    died_again: bool
    recovery_s: float | None
    seconds: float
    sentence: Sentence

    @property
    def word(self) -> str:
        """The verdict in a word."""
        if not self.sentence.complaints:
            return "ok"
        return "ORDER" if self.sentence.is_order_only else "WRONG"

    @property
    def step(self) -> str:
        """The step in words."""
        how = "died" if self.died else "lived"
        return f"{how:5} {self.steps[-1] if self.steps else '-'}"


def beats_of(plan: Plan) -> list[Beat]:
    """The story of a plan: what its victim has to do with, and what a wrong part can do at all."""
    if plan.victim == GATEWAY:
        return list(GATEWAY_BEATS)
    return story_of(plan.seed, sweeps=plan.wrong not in {"pop-first", "answer-first", "no-sweep"})


def run(bench: Bench, plan: Plan, beats: Sequence[Beat] = ()) -> Run:
    """One run, from nothing to its sentence; of the whole story, or of some of its beats."""
    began = time.monotonic()
    with staged(bench, plan) as stage:
        sentence = _told_and_judged(stage, beats or beats_of(plan))
        victims = [child for child in stage.all_children if child.order.log.stem.startswith(plan.victim)]
        return Run(
            plan=plan,
            steps=victims[0].steps,
            died=stage.died_at is not None,
            died_again=sum((child.status or 0) < 0 for child in stage.ended) > 1,
            recovery_s=_recovery_s(stage),
            seconds=time.monotonic() - began,
            sentence=sentence,
        )


def _told_and_judged(stage: Stage, beats: Sequence[Beat]) -> Sentence:
    try:
        tell(stage, beats)
    except Stuck as stuck:
        return stood_still(stage, stuck)
    return judged(stage)


def _recovery_s(stage: Stage) -> float | None:
    """T: from the death to the assignment of somebody who came right after it."""
    if stage.died_at is None or not stage.witness:
        return None
    times = [entry["at"] for entry in stage.seated() if entry["room"] == stage.witness]
    return float(times[0] - stage.died_at) if times else None


def stands_by(number: int) -> bool:
    """Every other run has an allocator that stands by."""
    return number % 2 == 1


def plans(seed: int, victim: str, *, wrong: str = "", every: int = 1) -> Iterator[Plan]:
    """One plan for each step, or for every so many-th, for ever."""
    for number in count(1, every):
        death = Death(number=number)
        yield Plan(seed=seed, victim=victim, death=death, stands_by=stands_by(number), wrong=wrong)


def sweep(bench: Bench, all_plans: Iterator[Plan], jobs: int, tell_of: Callable[[Run], None]) -> list[Run]:
    """Runs side by side until some end without a death; they are told of as they end."""
    done: list[Run] = []
    with ThreadPoolExecutor(jobs) as pool:
        waiting: set[Future[Run]] = set()
        for plan in all_plans:
            waiting.add(pool.submit(run, bench, plan))
            if len(waiting) >= jobs:
                waiting = _harvest(waiting, done, tell_of)
            if len(done) > STEPS_MAX or sum(not one.died for one in done) >= SURVIVORS:
                break
        while waiting:
            waiting = _harvest(waiting, done, tell_of)
    return done


def _harvest(waiting: set[Future[Run]], done: list[Run], tell_of: Callable[[Run], None]) -> set[Future[Run]]:
    ended, rest = wait(waiting, return_when=FIRST_COMPLETED)
    for future in ended:
        done.append(future.result())
        tell_of(done[-1])
    return rest


def side_by_side(bench: Bench, some_plans: Sequence[Plan], beats: Sequence[Beat] = ()) -> list[Run]:
    """All of some runs, at the same time."""
    with ThreadPoolExecutor(len(some_plans)) as pool:
        return list(pool.map(lambda plan: run(bench, plan, beats), some_plans))
