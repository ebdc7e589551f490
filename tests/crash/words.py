"""A run in words: a line, and, where something is wrong, the whole story and how to see it again."""

from .stage import FIRST, GATEWAY, Plan
from .sweep import Run

VICTIMS = {"allocator": FIRST, "gateway": GATEWAY}


def line_of(one: Run) -> str:
    """A run in a line."""
    kind = "stands by" if one.plan.stands_by else "comes back"
    recovery = "" if one.recovery_s is None else f"T {one.recovery_s:5.2f} s"
    again = f" and {one.plan.again}" if one.died_again else ""
    return f"{one.word:5} {one.step + again:44} {kind:10} {recovery:9} {one.seconds:5.1f} s"


def replay_of(plan: Plan) -> str:
    """The command that shows a run again."""
    part = next(part for part, victim in VICTIMS.items() if victim == plan.victim)
    more = [f"--step '{plan.death}'", f"--seed {plan.seed}", f"--stand-by {'yes' if plan.stands_by else 'no'}"]
    more += [f"--again '{plan.again}'"] if str(plan.again) else []
    more += [f"--wrong {plan.wrong}"] if plan.wrong else []
    return f"PYTHONPATH=tests python -m crash --part {part} {' '.join(more)}"


def told_of(one: Run) -> str:
    """What is wrong with a run, and all that is known of it."""
    return "\n".join([*one.sentence.complaints, f"again: {replay_of(one.plan)}", one.sentence.story])
