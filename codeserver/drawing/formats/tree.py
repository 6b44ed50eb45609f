"""A diagram as a tree for the terminal, where everything is listed once."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from codeserver.drawing.diagram import Diagram
from codeserver.drawing.formats.outline import Entry, entries
from codeserver.drawing.texts import one_line, shown

_WIDTH = 120
_INDENT = 4
_ROOM = 48
"""For names; what would be further to the right begins at the left again."""

_MOST_NAMES = 6
_COLOURS: Mapping[str, str] = {"asset": "green", "observable": "yellow", "external": "dim"}


def tree(diagram: Diagram, width: int = _WIDTH) -> Tree:
    """A tree in which everything is under what it can begin after.

    That is the last of those before it, where several are; the others are named behind it. Assets
    are listed under their groups, and ops of a graph have its name before theirs.

    Args:
        diagram: what to draw.
        width: how many columns there are. Where a chain is longer than that, it goes on at the
            left.
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
    """The tree as plain text, without colours. A line may be longer, so that no name is cut."""
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
