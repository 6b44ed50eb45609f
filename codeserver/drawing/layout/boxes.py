"""The tree of boxes: which box is in which, and which of them two things have in common."""

from __future__ import annotations

from collections.abc import Sequence

ROOT = 0
"""The whole picture, as a box."""


class Boxes:
    """Boxes by number, where a box comes after the one around it.

    Attributes:
        parent: the box around each; the root is around itself.
        path: the boxes from the root to each, itself included.
    """

    def __init__(self, parents: Sequence[int]) -> None:
        """Takes the box around each box but the root, whose number is 0."""
        self.parent = [ROOT, *parents]
        self.path: list[tuple[int, ...]] = [(ROOT,)]
        for box, parent in enumerate(parents, start=1):
            self.path.append((*self.path[parent], box))

    def __len__(self) -> int:
        """How many there are, with the root."""
        return len(self.parent)

    def common(self, one: int, other: int) -> int:
        """The innermost box that both are in."""
        found = ROOT
        for here, there in zip(self.path[one], self.path[other], strict=False):
            if here != there:
                break
            found = here
        return found

    def child(self, box: int, inside: int) -> int | None:
        """The box directly in `box` that `inside` is in or is; None when it is `box` itself."""
        path, depth = self.path[inside], len(self.path[box])
        return path[depth] if len(path) > depth else None
