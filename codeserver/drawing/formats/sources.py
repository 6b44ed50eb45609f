"""Diagrams as sources for other programs: Graphviz's dot, Mermaid, JSON."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from codeserver.drawing.diagram import Cluster, Diagram, Edge, Node, Style
from codeserver.drawing.texts import one_line, shown

_DOT_STYLES: dict[Style, str] = {"plain": "solid", "dynamic": "dashed", "collected": "bold"}
_MERMAID_LINES: dict[Style, str] = {"plain": "-->", "dynamic": "-.->", "collected": "==>"}

_MERMAID_SPECIAL = re.compile(r"(?![^\W_]|[ ,/]|(?<=[^\W_])[_.-](?=[^\W\d_])).", re.DOTALL)
"""Characters that may have a meaning in a label, as HTML, Markdown or Mermaid: `1. ` begins
a list, `__x__` is bold, `#` begins a code."""


def dot(diagram: Diagram) -> str:
    """The source of a left-to-right digraph, with a subgraph for each cluster."""

    def card(node: Node) -> str:
        style = ', style="rounded,dashed"' if node.kind == "external" else ""
        more = ", peripheries=2" if node.is_several else ""
        return f"{_dot_id(node.id)} [label={_dot_label(node)}{style}{more}];"

    def box(number: int, cluster: Cluster) -> Sequence[str]:
        return f'subgraph "cluster_{number}" {{', f"  label={_dot_label(cluster)};"

    lines = [
        f"digraph {_dot_id(diagram.title)} {{",
        "  rankdir=LR;",
        '  graph [fontname="Helvetica", style="rounded", color="gray70"];',
        '  node [fontname="Helvetica", shape=box, style="rounded"];',
        '  edge [fontname="Helvetica", fontsize=10];',
        *_nested(diagram, card, box, "}", "  "),
        *(f"  {_dot_edge(edge)};" for edge in diagram.edges),
        "}",
    ]
    return "\n".join(lines) + "\n"


def mermaid(diagram: Diagram) -> str:
    """The source of a flowchart from left to right, with a subgraph for each cluster."""
    names = {node.id: f"n{number}" for number, node in enumerate(diagram.nodes)}

    def card(node: Node) -> str:
        label = _label(node, _mermaid_escaped, "<br/>")
        return names[node.id] + (f"[[{label}]]" if node.is_several else f"({label})")

    def box(number: int, cluster: Cluster) -> Sequence[str]:
        return (f"subgraph c{number}[{_label(cluster, _mermaid_escaped, '<br/>')}]",)

    lines = ["flowchart LR", *_nested(diagram, card, box, "end", "    ")]
    for edge in diagram.edges:
        lines.append(f"    {names[edge.source]} {_mermaid_line(edge)} {names[edge.target]}")
    external = [names[node.id] for node in diagram.nodes if node.kind == "external"]
    if external:
        lines.append("    classDef external stroke-dasharray: 4 3")
        lines.append(f"    class {','.join(external)} external")
    return "\n".join(lines) + "\n"


def to_json(diagram: Diagram) -> str:
    """The title, nodes, edges and clusters as a JSON object, in the order of the diagram."""
    return json.dumps(asdict(diagram), indent=2, ensure_ascii=False) + "\n"


def _nested(
    diagram: Diagram,
    card: Callable[[Node], str],
    box: Callable[[int, Cluster], Sequence[str]],
    end: str,
    indent: str,
) -> Iterator[str]:
    """A line for each card, between the lines that open and close its box."""
    inner: defaultdict[str, list[tuple[int, Cluster]]] = defaultdict(list)
    for number, cluster in enumerate(diagram.clusters):
        inner[cluster.parent].append((number, cluster))
    members: defaultdict[str, list[Node]] = defaultdict(list)
    for node in diagram.nodes:
        members[node.cluster].append(node)

    def content(around: str, margin: str) -> Iterator[str]:
        for node in members[around]:
            yield margin + card(node)
        for number, cluster in inner[around]:
            yield from (margin + line for line in box(number, cluster))
            yield from content(cluster.id, margin + indent)
            yield margin + end

    return content("", indent)


def _label(of: Node | Cluster, escaped: Callable[[str], str], line_break: str) -> str:
    lines = [shown(of.title), one_line(of.subtitle), " · ".join(map(one_line, of.badges))]
    return f'"{line_break.join(escaped(line) for line in lines if line)}"'


def _dot_label(of: Node | Cluster) -> str:
    return _label(of, lambda line: _dot_text(line)[1:-1], r"\n")


def _dot_edge(edge: Edge) -> str:
    attributes = [f"label={_dot_text(one_line(edge.label))}"] if edge.label else []
    if edge.style != "plain":
        attributes.append(f"style={_DOT_STYLES[edge.style]}")
    rest = f" [{', '.join(attributes)}]" if attributes else ""
    return f"{_dot_id(edge.source)} -> {_dot_id(edge.target)}{rest}"


def _dot_text(text: str) -> str:
    """A quoted label. Graphviz reads labels like HTML, where `&` begins an entity."""
    return _dot_id(text.replace("&", "&amp;"))


def _dot_id(name: str) -> str:
    """A quoted name. Dot cannot write the null character, which becomes a backslash and 0."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "\\\\0")
    return f'"{escaped}"'


def _mermaid_line(edge: Edge) -> str:
    line = _MERMAID_LINES[edge.style]
    return f'{line}|"{_mermaid_escaped(one_line(edge.label))}"|' if edge.label else line


def _mermaid_escaped(text: str) -> str:
    return _MERMAID_SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)
