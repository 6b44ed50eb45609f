"""Algorithms on graphs of numbered nodes: cycles, order, layers, connected sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

Pair = tuple[int, int]

_PASSES = 8


def acyclic(count: int, edges: Sequence[Pair]) -> list[Pair]:
    """The edges without repetitions, and without those that close a cycle or a loop.

    Dagster has no cycles, but a message may have one, and the layout of a cycle would never end.
    """
    after = neighbours(count, edges)[1]
    state = [0] * count  # 1: on the way, 2: done
    closing: set[Pair] = set()
    for start in range(count):
        if state[start]:
            continue
        state[start] = 1
        way = [(start, iter(after[start]))]
        while way:
            node, rest = way[-1]
            following = next(rest, None)
            if following is None:
                state[node] = 2
                way.pop()
            elif state[following] == 1:
                closing.add((node, following))
            elif not state[following]:
                state[following] = 1
                way.append((following, iter(after[following])))
    return [edge for edge in dict.fromkeys(edges) if edge not in closing]


def neighbours(count: int, edges: Sequence[Pair]) -> tuple[list[list[int]], list[list[int]]]:
    """The nodes before each node, and the nodes after each."""
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        before[target].append(source)
        after[source].append(target)
    return before, after


def in_order(after: Sequence[Sequence[int]]) -> list[int]:
    """The nodes in topological order. `after` has the nodes after each, without cycles."""
    waiting = [0] * len(after)
    for following in chain.from_iterable(after):
        waiting[following] += 1
    order = [node for node, number in enumerate(waiting) if not number]
    for node in order:
        for following in after[node]:
            waiting[following] -= 1
            if not waiting[following]:
                order.append(following)
    return order


class Sets:
    """Disjoint sets of nodes, such as connected ones (union-find)."""

    def __init__(self, count: int, pairs: Iterable[Pair] = ()) -> None:
        self._above = list(range(count))
        self._count = [1] * count
        for one, other in pairs:
            self.join(one, other)

    def of(self, node: int) -> int:
        """The node that represents the set of this one."""
        while self._above[node] != node:
            self._above[node] = self._above[self._above[node]]
            node = self._above[node]
        return node

    def join(self, one: int, other: int) -> None:
        """Merge the sets of two nodes."""
        one, other = self.of(one), self.of(other)
        if one != other:
            low, high = min(one, other), max(one, other)
            self._above[high] = low
            self._count[low] += self._count[high]

    def count_of(self, node: int) -> int:
        """The size of the set of this node."""
        return self._count[self.of(node)]


def assign(
    count: int, edges: Sequence[Pair], boxes: Sequence[int], given: Sequence[int | None]
) -> list[int]:
    """The layer of each node, from 0, so that every edge goes to a higher one and is short.

    First each node is as far left as it can be. Then nodes with more weight of edges after them
    than before them move right, so that a node without dependencies is near its use. Edges inside a
    box weigh more than edges between boxes. The edges have no cycles.

    The given layers are used if all nodes have one and every edge goes up.
    """
    fixed = [level for level in given if level is not None]
    if len(fixed) == count and all(fixed[a] < fixed[b] for a, b in edges):
        return fixed
    before, after = neighbours(count, edges)
    order = in_order(after)
    layer = [0] * count
    for node in order:
        layer[node] = max((layer[each] + 1 for each in before[node]), default=0)
    for _ in range(_PASSES):
        moved = False
        for node in reversed(order):
            best = _best(node, layer, before[node], after[node], boxes)
            moved = moved or best != layer[node]
            layer[node] = best
        if not moved:
            break
    return layer


def _best(
    node: int,
    layer: Sequence[int],
    before: Sequence[int],
    after: Sequence[int],
    boxes: Sequence[int],
) -> int:
    """The layer in which the edges of a node are shortest while the other nodes stay."""
    if not after:
        return layer[node]
    pull = sum(3 if boxes[each] == boxes[node] else 1 for each in after) - sum(
        3 if boxes[each] == boxes[node] else 1 for each in before
    )
    if pull > 0:
        return min(layer[each] for each in after) - 1
    if pull < 0:
        return max(layer[each] for each in before) + 1
    return layer[node]
