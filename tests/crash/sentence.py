"""How a run is judged: by three records, at rest. What was answered, what the platform saw, what Postgres holds."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from contract import AppId
from support import judgement, timeline
from support.ledger import read_ledger

from .stage import APP, SECRET, TOKEN, Stage, Stuck

WRONGS = ("lost", "doubled", "over", "out_of_order", "waiting")
SHORT_S = [0.01, 0.05]
ROOMS_TOLD_MAX = 4
TAIL_LINES = 12


@dataclass(slots=True)
class Sentence:
    """What is to be said of a run."""

    complaints: list[str] = field(default_factory=list)
    verdict: dict[str, Any] = field(default_factory=dict)
    story: str = ""

    @property
    def is_order_only(self) -> bool:
        """Whether all that is wrong is that somebody came after somebody who came later."""
        return bool(self.complaints) and all(text.endswith(" out_of_order") for text in self.complaints)


def judged(stage: Stage) -> Sentence:
    """Let it come to rest with conversations open, then end them, and judge."""
    try:
        come_to_rest(stage)
    except Stuck as stuck:
        return stood_still(stage, stuck)
    return _judged_now(stage, [])


def stood_still(stage: Stage, stuck: Stuck) -> Sentence:
    """What had to happen did not: what the records show now."""
    return _judged_now(stage, [str(stuck), *_disagreements(stage)])


def _judged_now(stage: Stage, complaints_so_far: list[str]) -> Sentence:
    sentence = Sentence(complaints=complaints_so_far)
    sentence.verdict = stage.platform.verdict(tolerance_s=1.0)
    sentence.complaints += complaints(stage, sentence.verdict)
    if sentence.complaints:
        sentence.story = "\n".join(_told(stage, sentence))
    return sentence


def come_to_rest(stage: Stage) -> None:
    """Raises :class:`Stuck` when it does not."""
    stage.until("nobody waits", lambda: stage.platform.waiting() == 0)
    _until_agreed(stage)
    stage.platform.post("service", service_s=SHORT_S)
    stage.until("all conversations end", lambda: _open(stage) == 0)
    _until_agreed(stage)


def complaints(stage: Stage, verdict: dict[str, Any]) -> Iterator[str]:
    """All that went wrong."""
    yield from (f"{verdict[word]} {word}" for word in WRONGS if verdict[word])
    yield from judgement.served(stage.platform.record())
    yield from judgement.fenced(read_ledger(stage.database_url))
    for child in stage.all_children:
        yield from judgement.discreet(child.order.log.name, child.output, (SECRET, TOKEN))


def _until_agreed(stage: Stage) -> None:
    stage.until("ledger and platform agree", lambda: not list(_disagreements(stage)))


def _disagreements(stage: Stage) -> Iterator[str]:
    before = len(stage.platform.record())
    yield from judgement.at_rest(read_ledger(stage.database_url), stage.platform.record()[:before])
    yield from _unread(stage)


def _unread(stage: Stage) -> Iterator[str]:
    length = stage.length(stage.keys.inbox(AppId(APP)))
    if length:
        yield f"{length} entries are in the inbox"
    aside = stage.length(stage.keys.put_aside(AppId(APP)))
    if aside < stage.unreadable:
        yield f"{stage.unreadable} entries could not be read, {aside} were put aside"


def _open(stage: Stage) -> int:
    state = stage.platform.get("state")
    return int(state["waiting"] + state["served"])


def _told(stage: Stage, sentence: Sentence) -> Iterator[str]:
    """For whoever mends it: the verdict's stories, the rooms in question, the last steps and words of everybody."""
    yield from map(str, sentence.verdict.get("stories", ()))
    record = stage.platform.record()
    rooms = timeline.OVERTAKER.findall(" ".join(sentence.complaints)) + _rooms_in(sentence.complaints)
    for story in sentence.verdict.get("stories", ()):
        rooms += [story["room"], *timeline.beside(story, record)]
    for room in list(dict.fromkeys(rooms))[:ROOMS_TOLD_MAX]:
        yield f"--- room {room}"
        yield from timeline.of_room(room, record, stage.database_url)
    for child in stage.all_children:
        last = [str(step) for step in child.steps[-3:]]
        tail = "\n".join(child.output.splitlines()[-TAIL_LINES:])
        yield f"--- {child.order.log.name} (status {child.status}, last steps {last}):\n{tail}"


def _rooms_in(texts: list[str]) -> list[str]:
    words = " ".join(texts).replace("'", " ").split()
    return [words[index + 1] for index, word in enumerate(words[:-1]) if word == "room" and words[index + 1].isdigit()]
