"""Names as text for drawings: one line, of a known width, cut so that no two look the same."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from math import fsum

NAMELESS = "(no name)"

_WIDTHS = {
    **dict.fromkeys("ijlI|'!.,:;", 0.36),
    **dict.fromkeys('ftr()[]{}-/\\ `"', 0.46),
    **dict.fromkeys("mMW@%w—…→", 1.0),
}
"""In em. The reader's own font draws the text, so these are the widths of a wide one."""

ROUNDING = 0.01
"""Widths are equal if they differ by no more."""

_JOINERS = "\u200c\u200d"
"""Some scripts and some emoji need them."""


_ROUNDS = 4
_BEFORE = 3
"""Characters in front of the difference that are shown with it."""


def one_line(text: str) -> str:
    """The text, with escapes for characters that break a line or change the order of letters."""
    return "".join(
        char if _is_harmless(char) else char.encode("unicode_escape").decode() for char in text
    )


def shown(name: str) -> str:
    """A name in one line; `NAMELESS` for a blank one."""
    return one_line(name) if name.strip() else NAMELESS


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Width in the unit of the font size; an estimate that is rather too large than too small."""
    em = fsum(_em(char) for char in text)  # The same in all versions of Python, unlike sum().
    return em * size * (1.08 if bold else 1.0)


def cut(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """The text if it fits in `width`; else its beginning, `…` and its end.

    Names with the same beginning differ at their ends, so the end matters more than the middle.
    """
    if width_of(text, size, bold=bold) <= width + ROUNDING:
        return text
    room = width / (size * (1.08 if bold else 1.0)) - _em("…")
    head = _fitting(text, room * 0.6)
    tail = _fitting(text[::-1], room - fsum(map(_em, head)))[::-1]
    return f"{head}…{tail}"


def cut_end(text: str, width: float, size: float) -> str:
    """The text if it fits in `width`; else its beginning and `…`, as suits a sentence."""
    if width_of(text, size) <= width + ROUNDING:
        return text
    return _fitting(text, width / size - _em("…")).rstrip() + "…"


def cut_apart(names: Sequence[str], widths: Sequence[float], size: float) -> list[str]:
    """The bold names, cut to their widths so that different names look different.

    Names that look alike after the cut begin shortly before their first difference instead. If
    they still look alike, they are numbered.
    """
    wanted = list(names)
    for round_ in range(_ROUNDS):
        drawn = [
            cut(name, width, size, bold=True) for name, width in zip(wanted, widths, strict=True)
        ]
        alike = _alike(names, drawn)
        if not alike:
            return drawn
        for group in alike:
            at = _first_difference([names[index] for index in group])
            for number, index in enumerate(group, start=1):
                rest = f"…{names[index][max(0, at - _BEFORE) :]}"
                wanted[index] = rest if round_ < _ROUNDS - 2 else f"#{number} {names[index]}"
    return drawn


def _first_difference(names: Sequence[str]) -> int:
    return next(
        (at for at, letters in enumerate(zip(*names, strict=False)) if len({*letters}) > 1),
        min(map(len, names)),
    )


def _alike(names: Sequence[str], drawn: Sequence[str]) -> list[list[int]]:
    """The indices of different names with the same drawn text, in groups."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for index, text in enumerate(drawn):
        found[text].append(index)
    groups = found.values()
    return [each for each in groups if len({names[index] for index in each}) > 1]


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
