"""Names cut so that they fit, and so that no two of them look the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from codeserver.drawing.texts import cut

_ROUNDS = 4
_BEFORE = 3
"""Characters in front of the difference that are shown with it."""


def cut_apart(names: Sequence[str], widths: Sequence[float], size: float) -> list[str]:
    """The bold names as they are drawn.

    Those that would be equal begin shortly before the place where they differ. Where that is not
    enough, they are numbered.
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
    """The indices of different names that are drawn equally."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for index, text in enumerate(drawn):
        found[text].append(index)
    groups = found.values()
    return [each for each in groups if len({names[index] for index in each}) > 1]
