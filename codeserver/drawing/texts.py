"""Names as text that can be shown: one line, of a known width, cut where it must be."""

from __future__ import annotations

import unicodedata
from math import fsum

NAMELESS = "(no name)"

_WIDTHS = {
    **dict.fromkeys("ijlI|'!.,:;", 0.36),
    **dict.fromkeys('ftr()[]{}-/\\ `"', 0.46),
    **dict.fromkeys("mMW@%w—…→", 1.0),
}
"""In em. The font is the reader's own, so these are those of a wide one."""

ROUNDING = 0.01
"""Sums of widths are equal when they differ by less."""

_JOINERS = "\u200c\u200d"
"""Some scripts cannot be written without them, nor can some emoji."""


def one_line(text: str) -> str:
    """The text with everything written out that would break a line or turn the order of letters."""
    return "".join(char if _is_harmless(char) else _written_out(char) for char in text)


def shown(name: str) -> str:
    """A name in one line, or words for having none."""
    return one_line(name) if name.strip() else NAMELESS


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Width in the unit of the font size, a little too large rather than too small."""
    em = fsum(_em(char) for char in text)  # The same in all versions of Python, unlike sum().
    return em * size * (1.08 if bold else 1.0)


def cut(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """The text, or its begin and end with `…` between them, so that it is not wider than this.

    Names that begin alike differ at their ends, so the end is worth more than the middle.
    """
    if width_of(text, size, bold=bold) <= width + ROUNDING:
        return text
    room = width / (size * (1.08 if bold else 1.0)) - _em("…")
    head = _fitting(text, room * 0.6)
    tail = _fitting(text[::-1], room - fsum(map(_em, head)))[::-1]
    return f"{head}…{tail}"


def cut_end(text: str, width: float, size: float) -> str:
    """The text, or its begin and `…`, for sentences."""
    if width_of(text, size) <= width + ROUNDING:
        return text
    return _fitting(text, width / size - _em("…")).rstrip() + "…"


def _fitting(text: str, room: float) -> str:
    for index, char in enumerate(text):
        room -= _em(char)
        if room < 0:
            return text[:index]
    return text


def _em(char: str) -> float:
    known = _WIDTHS.get(char)
    if known is not None:
        return known
    if char.isascii():
        return 0.72 if char.isupper() else 0.64
    if unicodedata.combining(char) or char in _JOINERS:
        return 0.0
    return 1.3 if unicodedata.east_asian_width(char) in {"W", "F"} else 0.78


def _is_harmless(char: str) -> bool:
    return char.isprintable() or char in _JOINERS or unicodedata.category(char) == "Zs"


def _written_out(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
