"""How wrong `allocator backlog` is about how long people will wait: a simulated day, told as it happens.

    python benchmarks/expected_wait.py [--seed 1] [--days 20]

Agents with two slots serve customers one after another, each for a time whose logarithm is normally distributed (median
four minutes); a few more customers come than can be served at once, in waves, so that there is a backlog most of the
time. Once a minute somebody who waits asks; when their turn has come, what they were told is compared with what was.
"""

import argparse
import heapq
import random
import statistics
from collections import deque
from datetime import UTC, datetime, timedelta
from math import pi, sin

from allocator.core.expected import FREED_MAX, expected_wait

SLOTS, MEDIAN_S, SIGMA, DAY_S = 40, 240.0, 0.7, 28_800.0
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def day(dice: random.Random) -> tuple[list[tuple[float, float, float, float]], int]:
    """(told, was, least, most) for each question, and how many questions had no answer."""
    busy: list[float] = []
    freed: deque[float] = deque(maxlen=FREED_MAX)
    line: deque[list[tuple[float, float, float, float]]] = deque()
    answers: list[tuple[float, float, float, float]] = []
    arrives, asks, unknown = 0.0, 60.0, 0
    while (now := min(arrives, asks, busy[0] if busy else DAY_S)) < DAY_S:
        if busy and busy[0] == now:
            heapq.heappop(busy)
            freed.append(now)
        elif arrives == now:
            line.append([])
            rate = SLOTS / (MEDIAN_S * 1.28) * (1.0 + 0.3 * sin(2 * pi * now / 7200))
            arrives = now + dice.expovariate(rate)
        else:
            asks = now + 60.0
            place = dice.randint(1, len(line)) if line else 0
            told = expected_wait(place, [NOON + timedelta(seconds=at) for at in freed], NOON + timedelta(seconds=now))
            if told is not None:
                line[place - 1].append((now, told.seconds, told.least_s, told.most_s))
            elif place:
                unknown += 1
        while line and len(busy) < SLOTS:
            for asked_at, told_s, least_s, most_s in line.popleft():
                answers.append((told_s, now - asked_at, least_s, most_s))
            heapq.heappush(busy, now + dice.lognormvariate(0, SIGMA) * MEDIAN_S)
    return answers, unknown


def main() -> None:
    """Print the errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=20)
    words = parser.parse_args()
    dice = random.Random(words.seed)
    days = [day(dice) for _ in range(words.days)]
    answers = [answer for found, _ in days for answer in found]
    errors = [abs(told - was) for told, was, _, _ in answers]
    within = sum(least <= was <= most for _, was, least, most in answers) / len(answers)
    print(f"answers {len(answers)}, unknown {sum(unknown for _, unknown in days)}")
    print(f"median wait {statistics.median(was for _, was, _, _ in answers):.0f} s")
    print(f"median absolute error {statistics.median(errors):.0f} s")
    print(f"within the range {within:.0%}")


if __name__ == "__main__":
    main()
