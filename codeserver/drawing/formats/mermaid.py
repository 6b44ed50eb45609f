"""A diagram as a Mermaid flowchart, for pages that draw it, such as those of GitHub."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from codeserver.drawing.diagram import Diagram, Edge, Node, Style
from codeserver.drawing.texts import one_line, shown

_LINES: dict[Style, str] = {"plain": "-->", "dynamic": "-.->", "collected": "==>"}

_PLAIN = re.compile(r"[^\W_]|[ ,/]|(?<=[^\W_])[_.-](?=[^\W\d_])")
"""What means nothing in a label. Everything else may be HTML, Markdown or Mermaid's own: `1. `
begins a list, `__x__` is bold, `#` begins a code."""


def mermaid(diagram: Diagram) -> str:
    """The source of a flowchart from left to right, with a subgraph for each cluster."""
    inner: defaultdict[str, list[str]] = defaultdict(list)
    for cluster in diagram.clusters:
        inner[cluster.parent].append(cluster.id)
    members: defaultdict[str, list[Node]] = defaultdict(list)
    for node in diagram.nodes:
        members[node.cluster].append(node)
    names = {node.id: f"n{number}" for number, node in enumerate(diagram.nodes)}
    titles = {each.id: _label(each.title, each.subtitle, each.badges) for each in diagram.clusters}
    numbers = {each.id: f"c{number}" for number, each in enumerate(diagram.clusters)}

    def content(cluster: str, indent: str) -> Iterator[str]:
        for node in members[cluster]:
            yield f"{indent}{names[node.id]}{_card(node)}"
        for each in inner[cluster]:
            yield f"{indent}subgraph {numbers[each]}[{titles[each]}]"
            yield from content(each, indent + "    ")
            yield f"{indent}end"

    lines = ["flowchart LR", *content("", "    ")]
    for edge in diagram.edges:
        lines.append(f"    {names[edge.source]} {_line(edge)} {names[edge.target]}")
    external = [names[node.id] for node in diagram.nodes if node.kind == "external"]
    if external:
        lines.append("    classDef external stroke-dasharray: 4 3")
        lines.append(f"    class {','.join(external)} external")
    return "\n".join(lines) + "\n"


def _card(node: Node) -> str:
    label = _label(node.title, node.subtitle, node.badges)
    return f"[[{label}]]" if node.is_several else f"({label})"


def _line(edge: Edge) -> str:
    line = _LINES[edge.style]
    return f'{line}|"{_escaped(one_line(edge.label))}"|' if edge.label else line


def _label(title: str, subtitle: str, badges: Sequence[str]) -> str:
    lines = [shown(title), one_line(subtitle), " · ".join(map(one_line, badges))]
    return '"' + "<br/>".join(_escaped(line) for line in lines if line) + '"'


def _escaped(text: str) -> str:
    parts: list[str] = []
    at = 0
    for match in _PLAIN.finditer(text):
        parts.extend(f"#{ord(char)};" for char in text[at : match.start()])
        parts.append(match.group())
        at = match.end()
    parts.extend(f"#{ord(char)};" for char in text[at:])
    return "".join(parts)
