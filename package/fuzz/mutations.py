"""Changes of bytes and of text that know nothing of the format, and odd values."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Rng = np.random.Generator
Change = Callable[[Rng, bytes], bytes]

INTERESTING = (
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    2**15,
    2**16 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**63 - 1,
    -(2**63),
)
NUMBERS: tuple[float | int, ...] = (
    0,
    -1,
    0.5,
    2**24 + 1,
    2**31,
    2**53 + 1,
    2**63 - 1,
    -(2**31),
    1e39,
    1e308,
    np.nan,
    np.inf,
    -np.inf,
)
TEXTS = (
    "", " ", "NA", "nan", "None", "null", "-", "0", "\t", "\n", "a,b", 'q"uote', "'", "\\", "../../etc", "/", ".", "é", "\u202eevil",  # noqa: E501
    "\U0001f9ec", "\u0301", "x" * 5000, "#comment", "=1+1", "%s%n", "{x}", "\x00", "\x1b[31m", "true", "1e5", "\ufeff", "\uff11\uff12",  # noqa: E501
)  # fmt: skip
TOKENS = (
    b"-1", b"nan", b"NaN", b"inf", b"1e999", b"", b"abc", b"9" * 30, b"0x10", b"1_000", b" 1", b"+1", b"1e5", b"TRUE", b"NA", b"null",  # noqa: E501
    b'"', b'"a""b"', b"'", b"\xff\xfe", b"\xe9", b"\x00", b"\r", b"\t\t", b",,", "\uff11\uff12".encode(), "é".encode(), b"1.5", b"-0", b"1,000",  # noqa: E501
    b"16777217", b"2147483648", b"#", b"%", b"0.1e-400", b".5", b"5.",
)  # fmt: skip


def pick(rng: Rng, items: Sequence) -> Any:
    """One of the items, itself and not a numpy scalar."""
    return items[int(rng.integers(len(items)))]


def _place(rng: Rng, data: bytes) -> int:
    return int(rng.integers(len(data))) if data else 0


def _span(rng: Rng, data: bytes) -> tuple[int, int]:
    start = _place(rng, data)
    return start, min(len(data), start + int(2 ** rng.uniform(0, 9)))


def flip_bits(rng: Rng, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(int(2 ** rng.uniform(0, 4))):
        if changed:
            changed[_place(rng, data)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def set_byte(rng: Rng, data: bytes) -> bytes:
    at = _place(rng, data)
    return data[:at] + bytes([int(rng.integers(256))]) + data[at + 1 :]


def truncate(rng: Rng, data: bytes) -> bytes:
    return data[: _place(rng, data)]


def append(rng: Rng, data: bytes) -> bytes:
    return data + rng.bytes(int(2 ** rng.uniform(0, 10)))


def cut_out(rng: Rng, data: bytes) -> bytes:
    start, stop = _span(rng, data)
    return data[:start] + data[stop:]


def repeat(rng: Rng, data: bytes) -> bytes:
    start, stop = _span(rng, data)
    return data[:stop] + data[start:]


def zero_run(rng: Rng, data: bytes) -> bytes:
    start, stop = _span(rng, data)
    return data[:start] + bytes([int(rng.choice([0, 255]))]) * (stop - start) + data[stop:]


def splice(rng: Rng, data: bytes) -> bytes:
    """A span of the file itself, put elsewhere over what was there."""
    start, stop = _span(rng, data)
    at = _place(rng, data)
    return data[:at] + data[start:stop] + data[at + stop - start :]


def set_number(rng: Rng, data: bytes) -> bytes:
    """A field of 1, 2, 4 or 8 bytes, such as a length, becomes a number at the edge of some type."""
    size = int(rng.choice([1, 2, 4, 8]))
    at = _place(rng, data)
    number = int(pick(rng, INTERESTING)) % (1 << 8 * size)
    return data[:at] + number.to_bytes(size, pick(rng, ("little", "big"))) + data[at + size :]


BYTES: tuple[Change, ...] = (
    flip_bits, set_byte, truncate, append, cut_out, repeat, zero_run, splice, set_number,
)  # fmt: skip


def set_token(rng: Rng, data: bytes) -> bytes:
    """A run of characters that are no separators becomes an odd one."""
    import re

    tokens = list(re.finditer(rb"[^\s,:\[\]{}]+", data))
    if not tokens:
        return data + b"x"
    found = tokens[int(rng.integers(len(tokens)))]
    return data[: found.start()] + bytes(pick(rng, TOKENS)) + data[found.end() :]


def change_lines(rng: Rng, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    if not lines:
        return b"\n"
    i, j = (int(rng.integers(len(lines))) for _ in range(2))
    way = int(rng.integers(6))
    if way == 0:
        del lines[i]
    elif way == 1:
        lines.insert(j, lines[i])
    elif way == 2:
        lines[i], lines[j] = lines[j], lines[i]
    elif way == 3:
        lines[i] = lines[i].rstrip(b"\r\n")  # joined to the next
    elif way == 4:
        lines[i] = lines[i].replace(
            bytes(pick(rng, (b",", b"\t", b" ", b":"))), bytes(pick(rng, (b"", b";", b",,", b"\t"))), 1
        )
    else:
        lines.insert(i, bytes(pick(rng, (b"\n", b"\r\n", b" \n", b"#\n", b"\x00\n"))))
    return b"".join(lines)


def recode(rng: Rng, data: bytes) -> bytes:
    """Another line end, a byte-order mark, another encoding."""
    way = int(rng.integers(4))
    if way == 0:
        return data.replace(b"\n", b"\r\n")
    if way == 1:
        return b"\xef\xbb\xbf" + data
    if way == 2:
        return data.decode("utf-8", "replace").encode("utf-16")
    return data.replace(b"\n", b"\r")


TEXT: tuple[Change, ...] = (set_token, set_token, set_token, change_lines, change_lines, recode)


def changed(rng: Rng, data: bytes, changes: Sequence[Change]) -> tuple[bytes, str]:
    """One to three changes; what they were."""
    names = []
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        change = changes[int(rng.integers(len(changes)))]
        data = change(rng, data)
        names.append(change.__name__)
    return data, "+".join(names)
