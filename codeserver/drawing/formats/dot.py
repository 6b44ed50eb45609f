"""A diagram in the language of Graphviz, for people who draw it with `dot` themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from codeserver.drawing.diagram import Diagram, Edge, Node, Style
from codeserver.drawing.texts import one_line, shown

_STYLES: dict[Style, str] = {"plain": "solid", "dynamic": "dashed", "collected": "bold"}


def dot(diagram: Diagram) -> str:
    """The source of a left-to-right digraph, with a subgraph for each cluster."""
    inner: defaultdict[str, list[str]] = defaultdict(list)
    for cluster in diagram.clusters:
        inner[cluster.parent].append(cluster.id)
    members: defaultdict[str, list[Node]] = defaultdict(list)
    for node in diagram.nodes:
        members[node.cluster].append(node)
    titles = {each.id: _label(each.title, each.subtitle, each.badges) for each in diagram.clusters}
    numbers = {each.id: number for number, each in enumerate(diagram.clusters)}

    def content(cluster: str, indent: str) -> Iterator[str]:
        for node in members[cluster]:
            yield f"{indent}{_id(node.id)} [{_attributes(node)}];"
        for each in inner[cluster]:
            yield f'{indent}subgraph "cluster_{numbers[each]}" {{'
            yield f"{indent}  label={titles[each]};"
            yield from content(each, indent + "  ")
            yield f"{indent}}}"

    lines = [
        f"digraph {_id(diagram.title)} {{",
        "  rankdir=LR;",
        '  graph [fontname="Helvetica", style="rounded", color="gray70"];',
        '  node [fontname="Helvetica", shape=box, style="rounded"];',
        '  edge [fontname="Helvetica", fontsize=10];',
        *content("", "  "),
        *(f"  {_edge(edge)};" for edge in diagram.edges),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _attributes(node: Node) -> str:
    style = ', style="rounded,dashed"' if node.kind == "external" else ""
    more = ", peripheries=2" if node.is_several else ""
    return f"label={_label(node.title, node.subtitle, node.badges)}{style}{more}"


def _edge(edge: Edge) -> str:
    attributes = [f"label={_quoted(one_line(edge.label))}"] if edge.label else []
    if edge.style != "plain":
        attributes.append(f"style={_STYLES[edge.style]}")
    rest = f" [{', '.join(attributes)}]" if attributes else ""
    return f"{_id(edge.source)} -> {_id(edge.target)}{rest}"


def _label(title: str, subtitle: str, badges: Sequence[str]) -> str:
    """Lines of a label, with what Graphviz breaks a line at between them."""
    lines = [shown(title), one_line(subtitle), " · ".join(map(one_line, badges))]
    return '"' + r"\n".join(_quoted(line)[1:-1] for line in lines if line) + '"'


def _quoted(text: str) -> str:
    """Text that is shown as it is. Labels are read like HTML, where `&` begins a name."""
    return _id(text.replace("&", "&amp;"))


def _id(name: str) -> str:
    """A name that stands for itself. There is no way to write the character of the number 0."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "\\\\0")
    return f'"{escaped}"'
