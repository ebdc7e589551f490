"""Bodies as nobody sends them: recorded ones with something wrong in them. All chance comes from the given source."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from security.nasty import VALUES

BODY_MAX = 65_536
NAMES = [
    "room_id",
    "app_id",
    "app_code",
    "source",
    "channel",
    "agent",
    "service",
    "latest_service",
    "id",
    "is_resolved",
]
TOKENS = (
    *rb"""" \ { } [ ] : , null true - e9 0 \ud83d \ude00 \u0000""".split(),
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\xbd", b"\xf0\x9f\x98", b"\r\n"),
    *(b"9" * 400, b"[" * 80, b'{"a":' * 80, *(f'"{name}":'.encode() for name in NAMES)),
)


def mutated(random: Random, corpus: Sequence[bytes]) -> bytes:
    """A body made of those in ``corpus``, at most as large as the gateway takes."""
    body = random.choice(corpus)
    way = random.random()
    if way < 0.75:
        body = _of_another_content(random, body)
    if way > 0.65:
        body = _of_other_bytes(random, body, corpus)
    return body[:BODY_MAX]


def _of_another_content(random: Random, body: bytes) -> bytes:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return body
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        content = _changed(random, content)
    text = json.dumps(content, ensure_ascii=random.random() < 0.5)
    return text.encode("utf-8", random.choice(("surrogatepass", "replace")))


def _changed(random: Random, content: Any) -> Any:
    """Something in ``content`` becomes something else, wherever it is."""
    if isinstance(content, dict) and content and random.random() < 0.85:
        return _changed_object(random, content)
    if isinstance(content, list) and content and random.random() < 0.85:
        place = random.randrange(len(content))
        return [*content[:place], _changed(random, content[place]), *content[place + 1 :]]
    return random.choice((random.choice(VALUES), [content], {"id": content}, str(content)))


def _changed_object(random: Random, content: dict[str, Any]) -> dict[str, Any]:
    name, made = random.choice(tuple(content)), dict(content)
    what = random.random()
    if what < 0.1:
        del made[name]
    elif what < 0.25:
        made[random.choice(NAMES)] = made.pop(name)
    elif what < 0.4:
        made[random.choice(NAMES)] = random.choice(VALUES)
    else:
        made[name] = _changed(random, content[name])
    return made


def _of_other_bytes(random: Random, body: bytes, corpus: Sequence[bytes]) -> bytes:
    for _ in range(random.choice((1, 1, 2, 5, 20))):
        start = random.randrange(len(body) + 1)
        end = min(len(body), start + random.choice((0, 1, 1, 4, 30, 400)))
        body = body[:start] + random.choice(_WAYS)(random, body[start:end], corpus) + body[end:]
    return body


def _flipped(random: Random, part: bytes, _: Sequence[bytes]) -> bytes:
    return bytes(byte ^ (1 << random.randrange(8)) for byte in part)


def _token(random: Random, part: bytes, _: Sequence[bytes]) -> bytes:
    return random.choice(TOKENS) + random.choice((b"", part))


def _noise(random: Random, part: bytes, _: Sequence[bytes]) -> bytes:
    return random.randbytes(len(part))


def _repeated(random: Random, part: bytes, _: Sequence[bytes]) -> bytes:
    return part * random.choice((0, 2, 3, 50))


def _borrowed(random: Random, part: bytes, corpus: Sequence[bytes]) -> bytes:
    other = random.choice(corpus)
    start = random.randrange(len(other) + 1)
    return other[start : start + max(len(part), 8)]


_WAYS: tuple[Callable[[Random, bytes, Sequence[bytes]], bytes], ...] = (_flipped, _token, _noise, _repeated, _borrowed)
