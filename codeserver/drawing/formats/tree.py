"""A diagram as a tree for the terminal, which lists every node once."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from codeserver.drawing.diagram import Diagram, Node
from codeserver.drawing.layout import graphs
from codeserver.drawing.texts import one_line, shown

_WIDTH = 120
_INDENT = 4
_ROOM = 48
"""Columns kept for names. A branch that would leave less begins at the left again."""

_MOST_NAMES = 6
_COLOURS: Mapping[str, str] = {"asset": "green", "observable": "yellow", "external": "dim"}


@dataclass(frozen=True)
class Entry:
    """A node, and its place below a group and a parent; these are ids, empty for none.

    The prefix has the names of the graphs around it, each followed by a dot. The others are the
    full names of the other nodes that it depends on.
    """

    node: Node
    prefix: str
    group: str
    under: str
    others: tuple[str, ...]


def tree(diagram: Diagram, width: int = _WIDTH) -> Tree:
    """A tree that lists each node under a node that it depends on.

    A node that depends on several is listed under the last of them, and its line names the others.
    Assets are listed under their groups. The name of an op in a graph begins with the graph's. A
    chain that is longer than the width of the terminal continues at the left.
    """
    top = Tree(Text(shown(diagram.title), style="bold").append(f"  {diagram.summary()}", "dim"))
    titles = {each.id: each.title for each in diagram.clusters}
    groups = {"": top}
    places: dict[str, Tree] = {}
    for entry in entries(diagram, max(1, (width - _ROOM) // _INDENT)):
        if entry.group not in groups:
            title = Text("group ", style="dim").append(shown(titles[entry.group]), "bold cyan")
            groups[entry.group] = top.add(title)
        branch = places[entry.under] if entry.under else groups[entry.group]
        places[entry.node.id] = branch.add(_line(entry))
    return top


def text(diagram: Diagram, width: int = _WIDTH) -> str:
    """The tree as plain text. Names are never cut, so a line may be longer than `width`."""
    console = Console(
        file=io.StringIO(),
        width=100_000,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
        legacy_windows=False,
    )
    with console.capture() as capture:
        console.print(tree(diagram, width), soft_wrap=True)
    return "\n".join(line.rstrip() for line in capture.get().split("\n")[:-1]) + "\n"


def _line(entry: Entry) -> Text:
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(entry.prefix, "dim")
    line.append(shown(entry.node.title), _COLOURS.get(entry.node.kind, ""))
    if entry.node.badges:
        line.append(f"  [{', '.join(map(one_line, entry.node.badges))}]", "dim")
    if entry.others:
        line.append(f"  after {_listed(entry.others)}", "italic dim")
    return line


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"


def entries(diagram: Diagram, deepest: int) -> Iterator[Entry]:
    """The nodes, parents first.

    The parent of a node is the dependency in its group that is at the end of the longest chain.
    A node that would be deeper than `deepest` levels has no parent.
    """
    nodes = diagram.nodes
    groups = {cluster.id for cluster in diagram.clusters if cluster.kind == "group"}
    prefixes = dict.fromkeys(("", *groups), "")
    for cluster in diagram.clusters:
        if cluster.id not in groups:
            prefixes[cluster.id] = f"{prefixes[cluster.parent]}{shown(cluster.title)}."
    names = [prefixes[node.cluster] + shown(node.title) for node in nodes]
    group = [node.cluster if node.cluster in groups else "" for node in nodes]
    number = {node.id: index for index, node in enumerate(nodes)}
    before: defaultdict[int, dict[int, None]] = defaultdict(dict)
    for edge in diagram.edges:
        before[number[edge.target]][number[edge.source]] = None
    forwards = graphs.acyclic(
        len(nodes), [(source, target) for target, its in before.items() for source in its]
    )
    to_left, to_right = graphs.neighbours(len(nodes), forwards)
    level, depth = [0] * len(nodes), [0] * len(nodes)
    for index in graphs.in_order(to_right):
        level[index] = max((level[each] + 1 for each in to_left[index]), default=0)
        near = [each for each in to_left[index] if group[each] == group[index]]
        under = max(near, key=level.__getitem__, default=None)
        if under is not None and depth[under] + 1 >= deepest:
            under = None
        depth[index] = 0 if under is None else depth[under] + 1
        yield Entry(
            node=nodes[index],
            prefix=prefixes[nodes[index].cluster],
            group=group[index],
            under="" if under is None else nodes[under].id,
            others=tuple(
                "itself" if each == index else names[each]
                for each in before[index]
                if each != under
            ),
        )
