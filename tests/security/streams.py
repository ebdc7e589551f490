"""What comes over a connection when no honest client is at its other end: requests broken in every place they have."""

from collections.abc import Callable
from itertools import pairwise
from random import Random

from security.nasty import ALLOCATION, RESOLVE

METHODS = (*b"POST GET HEAD PUT OPTIONS TRACE CONNECT PRI post".split(), b"P\x00T", b"", b"X" * 70)
VERSIONS = (*b"HTTP/1.1 HTTP/1.0 HTTP/9.9 HTTP/2.0 HTTP/ http/1.1 RTSP/1.0".split(), b"")
PATHS = (
    *b"/ // * /%00 /%0d%0aX-Forged:%20yes /..%2f..%2fetc /livez /alive /livez#x /livez?%s%n forged:443".split(),
    *(b"", b"/\xff\xfe", b"/\x1b[31m", b"/" * 900, b"http://forged/livez", b"/readyz?" + b"a" * 300),
)
ENDS = (b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"")
NAMES = (
    *b"host content-length transfer-encoding connection expect upgrade content-type te x-forwarded-for".split(),
    *(b"x-http-method-override", b"authorization", b"", b"a b", b"x\x00y", b":"),
)
CONTENTS = (
    *b"0 -1 +5 0x10 1e3 chunked close keep-alive upgrade websocket h2c 100-continue text/plain %s%n{0}".split(),
    *(b"9" * 30, b"", b" ", b"5, 6", b"gzip, chunked", b"chunked, identity", b"\x00", b"\xff", b"a\rb", b"\x1b[2J"),
    *(b"${jndi:ldap://forged}", b"x" * 5_000),
)
SIZES = (*b"0 1 -1 ffffffffffffffff fffffffffffffffff g 0x5 00000005".split(), b"", b"5;ext=\x00", b" 5")


def stream(random: Random, token: str, body: bytes) -> tuple[bytes, ...]:
    """Pieces to send one after the other over one connection."""
    whole = b"".join(random.choice(_KINDS)(random, token, body) for _ in range(random.choice((1, 1, 1, 2, 5))))
    if random.random() < 0.3:
        whole = whole[: random.randrange(len(whole) + 1)]
    if random.random() < 0.2:
        whole = _with_noise(random, whole)
    return _cut(random, whole)


def _plain(random: Random, token: str, body: bytes) -> bytes:
    return _request(_path(random, token), [b"content-length: %d" % len(body)], body)


def _of_odd_line(random: Random, token: str, body: bytes) -> bytes:
    words = [random.choice(METHODS), random.choice((*PATHS, _path(random, token))), random.choice(VERSIONS)]
    line = random.choice((b" ", b" ", b"\t", b"  ", b"")).join(words)
    return line + random.choice(ENDS) + b"host: a\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def _of_odd_headers(random: Random, token: str, body: bytes) -> bytes:
    lines = [
        random.choice(NAMES) + random.choice((b": ", b":", b" : ", b"", b"\n ")) + random.choice(CONTENTS)
        for _ in range(random.choice((1, 2, 4, 150)))
    ]
    lines.insert(random.randrange(len(lines) + 1), b"content-length: %d" % len(body))
    return _request(_path(random, token), lines, body, random.choice(ENDS))


def _of_odd_length(random: Random, token: str, body: bytes) -> bytes:
    said = random.choice((len(body) + 1, max(0, len(body) - 1), 65_536, 65_537, 10**9, 2**63, 2**64))
    return _request(_path(random, token), [b"content-length: %d" % said], body)


def _in_odd_chunks(random: Random, token: str, body: bytes) -> bytes:
    pieces = [body[start : start + 700] for start in range(0, len(body), 700)]
    sizes = [random.choice(SIZES) if random.random() < 0.2 else b"%x" % len(piece) for piece in pieces]
    chunks = b"".join(size + b"\r\n" + piece + b"\r\n" for size, piece in zip(sizes, pieces, strict=True))
    end = random.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nx-forged: yes\r\n\r\n", b"0\r\n", b""))
    return _request(_path(random, token), [b"transfer-encoding: chunked"], chunks + end)


def _too_large(random: Random, token: str, body: bytes) -> bytes:
    large = body + b" " * (65_536 - len(body) + random.choice((0, 1, 30_000)))
    return _request(_path(random, token), [b"content-length: %d" % len(large)], large)


def _of_huge_head(random: Random, token: str, body: bytes) -> bytes:
    size = random.choice((8_000, 16_000, 17_000, 70_000))
    where = random.choice((b"/", b"/?", _path(random, token)))
    long = where + b"y" * size if random.random() < 0.3 else where
    return _request(long, [b"x-long: " + b"y" * size, b"content-length: %d" % len(body)], body)


def _noise(random: Random, token: str, body: bytes) -> bytes:
    return random.choice(
        (random.randbytes(random.choice((1, 20, 3_000))), b"\r\n" * 50, b"\x16\x03\x01\x02\x00\x01", body)
    )


def _request(path: bytes, lines: list[bytes], body: bytes, end: bytes = b"\r\n") -> bytes:
    return b"POST " + path + b" HTTP/1.1\r\nhost: a\r\n" + end.join(lines) + b"\r\n\r\n" + body


def _path(random: Random, token: str) -> bytes:
    right = token.encode()
    words = (right, right, right, right[:-1], right + b"x", b"", b"%00", b"%0d%0a", b"a/b", b"\xff", b"?" + right)
    tail = random.choice((b"", b"", b"", b"/", b"?x=%0d%0ax", b"#x", b"//"))
    return random.choice((ALLOCATION, RESOLVE)).encode() + b"/" + random.choice(words) + tail


def _with_noise(random: Random, whole: bytes) -> bytes:
    for _ in range(random.choice((1, 3, 10))):
        place = random.randrange(len(whole) + 1)
        whole = whole[:place] + random.choice((b"\x00", b"\r", b"\n", b" ", random.randbytes(1))) + whole[place + 1 :]
    return whole


def _cut(random: Random, whole: bytes) -> tuple[bytes, ...]:
    """Into pieces at chance places: what a parser keeps between two of them is where it may go wrong."""
    places = sorted(random.randrange(len(whole) + 1) for _ in range(random.choice((0, 0, 1, 3))))
    ends = [0, *places, len(whole)]
    return tuple(whole[start:end] for start, end in pairwise(ends) if start < end)


_KINDS: tuple[Callable[[Random, str, bytes], bytes], ...] = (
    *(_plain, _of_odd_line, _of_odd_headers, _of_odd_length),
    *(_in_odd_chunks, _too_large, _of_huge_head, _noise),
)
