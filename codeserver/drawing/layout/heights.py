"""Vertical positions: near to connected things, in the order and with the distances demanded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import fsum

from codeserver.drawing.layout.demands import Rows
from codeserver.drawing.layout.graphs import Sets, in_order

_ROUNDS, _POLISH = 30, 12
_VISIBLE = 0.5
_SLOWER, _LAST_STEP = 0.8, 2.0
"""Large steps bring things near their places, but leave gaps that only small ones close."""


def solve(rows: Rows) -> list[float]:
    """The vertical position of each thing.

    Each thing moves towards its neighbours. If distances are too small then, things below move
    down in one arrangement, and things above move up in another. The mean of two arrangements that
    keep all distances keeps them, too.
    """
    solver = _Solver(rows)
    step = max(solver.at, default=0.0) / 4
    for number in range(_ROUNDS):
        step = max(_LAST_STEP, step * _SLOWER)
        solver.follow(step, left=number % 3 != 1, right=number % 3 != 0)
    for _ in range(_POLISH):
        solver.polish()
    solver.close_up()
    for _ in range(_POLISH // 2):
        solver.polish()
    return solver.at


class _Solver:
    def __init__(self, rows: Rows) -> None:
        self._below: list[list[tuple[int, float]]] = [[] for _ in range(rows.count)]
        self._above: list[list[tuple[int, float]]] = [[] for _ in range(rows.count)]
        for (above, below), gap in rows.gaps.items():
            self._below[above].append((below, gap))
            self._above[below].append((above, gap))
        self._left: list[list[tuple[int, float, float]]] = [[] for _ in range(rows.count)]
        self._right: list[list[tuple[int, float, float]]] = [[] for _ in range(rows.count)]
        for link in rows.links:
            offset = link.left_offset - link.right_offset
            self._left[link.right].append((link.left, offset, link.weight))
            self._right[link.left].append((link.right, -offset, link.weight))
        self._leads = [self._leading_out_of(set(members)) for members in rows.members]
        self._rows = rows
        self._is_top = [False] * rows.count
        self._is_bottom = [False] * rows.count
        for top, bottom in rows.tops:
            self._is_top[top] = self._is_bottom[bottom] = True
        self._order = in_order([[to for to, _ in each] for each in self._below])
        self.at = self._pushed_down([0.0] * rows.count)
        self._tighten(self.at)

    def follow(self, step: float, *, left: bool, right: bool) -> None:
        """Move everything towards the mean of its neighbours on these sides, by `step` at most."""
        at = self.at
        wanted = list(at)
        for thing in range(self._rows.count):
            near = self._left[thing] if left else []
            if right:
                near = near + self._right[thing]
            if near:
                weight = fsum(each[2] for each in near)
                way = fsum((at[to] + off) * its for to, off, its in near) / weight - at[thing]
                wanted[thing] += max(-step, min(step, way))
        self._tighten(wanted)
        down, up = self._pushed_down(wanted), self._pushed_up(wanted)
        self.at = [(one + other) / 2 for one, other in zip(down, up, strict=True)]
        self._tighten(self.at)

    def polish(self) -> None:
        """Move each thing, then each box, to the median of its neighbours, if there is room."""
        for order in (self._order, self._order[::-1]):
            for thing in order:
                left, right = self._left[thing], self._right[thing]
                near = [(self.at[to] + off, weight) for to, off, weight in left + right]
                if len(left) == len(right) == 1:
                    # Midway between the two, both lines would bend.
                    first, second = (abs(to - self.at[thing]) for to, _ in near)
                    near = [near[1] if second < first - _VISIBLE else near[0]]
                if near:
                    self._move(thing, _median(near))
            self._tighten(self.at)
        for (top, bottom), members, leads in zip(
            self._rows.tops, self._rows.members, self._leads, strict=True
        ):
            if leads:
                way = _median((self.at[to] + off - self.at[it], its) for it, to, off, its in leads)
                for below, gap in self._below[bottom]:
                    way = min(way, self.at[below] - gap - self.at[bottom])
                for above, gap in self._above[top]:
                    way = max(way, self.at[above] + gap - self.at[top])
                for thing in members:
                    self.at[thing] += way

    def close_up(self) -> None:
        """Move connected things up together: first those inside boxes, then with the boxes."""
        enclosing = {thing for pair in self._rows.tops for thing in pair}
        inside = [(link.left, link.right) for link in self._rows.links if link.is_inside]
        self._rise(Sets(self._rows.count, inside), enclosing)
        links = [(link.left, link.right) for link in self._rows.links]
        inside = [(top, below) for top, _ in self._rows.tops for below, _ in self._below[top]]
        inside += [
            (bottom, above) for _, bottom in self._rows.tops for above, _ in self._above[bottom]
        ]
        self._rise(Sets(self._rows.count, links + inside), set())

    def _rise(self, groups: Sets, without: set[int]) -> None:
        floor = min(self.at, default=0.0)
        members: dict[int, list[int]] = {}
        for thing in self._order:
            if thing not in without:
                members.setdefault(groups.of(thing), []).append(thing)
        for _ in range(2):
            for things in sorted(
                members.values(), key=lambda each: min(self.at[to] for to in each)
            ):
                room = min(self.at[thing] for thing in things) - floor
                for thing in things:
                    for above, gap in self._above[thing]:
                        if groups.of(above) != groups.of(thing):
                            room = min(room, self.at[thing] - self.at[above] - gap)
                for thing in things:
                    self.at[thing] -= room
            self._tighten(self.at)

    def _leading_out_of(self, members: set[int]) -> list[tuple[int, int, float, float]]:
        """The links that leave a box: the end inside, the other, their offset, the weight."""
        return [
            (thing, other, offset, weight)
            for thing in sorted(members)
            for other, offset, weight in self._left[thing] + self._right[thing]
            if other not in members
        ]

    def _pushed_down(self, wanted: Sequence[float]) -> list[float]:
        at = list(wanted)
        for thing in self._order:
            here = at[thing]
            for below, gap in self._below[thing]:
                at[below] = max(at[below], here + gap)
        return at

    def _pushed_up(self, wanted: Sequence[float]) -> list[float]:
        at = list(wanted)
        for thing in reversed(self._order):
            here = at[thing]
            for above, gap in self._above[thing]:
                at[above] = min(at[above], here - gap)
        return at

    def _tighten(self, at: list[float]) -> None:
        """Lay the edges of boxes close around their content."""
        for thing in self._order:
            if self._is_bottom[thing]:
                at[thing] = max(at[above] + gap for above, gap in self._above[thing])
        for thing in reversed(self._order):
            if self._is_top[thing]:
                at[thing] = min(at[below] - gap for below, gap in self._below[thing])

    def _move(self, thing: int, to: float) -> None:
        for below, gap in self._below[thing]:
            to = min(to, self.at[below] - gap)
        for above, gap in self._above[thing]:
            to = max(to, self.at[above] + gap)
        self.at[thing] = to


def _median(values: Iterable[tuple[float, float]]) -> float:
    ordered = sorted(values)
    half = fsum(weight for _, weight in ordered) / 2
    for index, (value, weight) in enumerate(ordered):
        half -= weight
        if half < 0:
            return value
        if half == 0:
            return (value + ordered[min(index + 1, len(ordered) - 1)][0]) / 2
    return ordered[-1][0]
