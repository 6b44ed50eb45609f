"""The tree of boxes: the box around each box, and the innermost box around two."""

from __future__ import annotations

from collections.abc import Sequence

ROOT = 0
"""The whole picture, as a box."""


class Boxes:
    """Boxes by number. The number of a box is higher than that of the box around it.

    Attributes:
        parent: the box around each box; the root is around itself.
        path: the boxes from the root to each box, itself included.
    """

    def __init__(self, parents: Sequence[int]) -> None:
        """Takes the box around each box, from number 1; the root is number 0."""
        self.parent = [ROOT, *parents]
        self.path: list[tuple[int, ...]] = [(ROOT,)]
        for box, parent in enumerate(parents, start=1):
            self.path.append((*self.path[parent], box))

    def __len__(self) -> int:
        """The number of boxes, the root included."""
        return len(self.parent)

    def common(self, one: int, other: int) -> int:
        """The innermost box around both."""
        found = ROOT
        for here, there in zip(self.path[one], self.path[other], strict=False):
            if here != there:
                break
            found = here
        return found

    def child(self, box: int, inside: int) -> int | None:
        """The box directly in `box` that is or contains `inside`; None if `inside` is `box`."""
        path, depth = self.path[inside], len(self.path[box])
        return path[depth] if len(path) > depth else None
