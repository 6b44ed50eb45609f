"""A diagram as an SVG picture: one file with its own style, for light and dark mode."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from codeserver.drawing.diagram import Cluster, Diagram, Edge, Node
from codeserver.drawing.formats.look import attributes, stylesheet
from codeserver.drawing.formats.shapes import badges, number, rectangle, text, tip, way
from codeserver.drawing.layout import lay_out
from codeserver.drawing.layout.measures import (
    ARROW,
    BOX_PADDING,
    HEADING,
    LABEL_HEIGHT,
    PADDING,
    STRIPE,
    SUBTITLE,
    SUMMARY,
    TITLE,
    badge_width,
    label_of,
    label_width,
)
from codeserver.drawing.layout.picture import Box, Curve, Point, Route
from codeserver.drawing.texts import cut, cut_apart, cut_end, one_line, shown, width_of

_MARGIN, _TOP, _LEGEND = 28.0, 62.0, 30.0
_LEAST_WIDTH = 320.0

_MEANINGS = (("dynamic", "one for each value"), ("collected", "all values, collected"))


def svg(diagram: Diagram) -> str:
    """The picture as an SVG document."""
    picture = lay_out(diagram)
    meanings = [each for each in _MEANINGS if any(edge.style == each[0] for edge in diagram.edges)]
    heading, summary = shown(diagram.title), diagram.summary()
    names = [shown(node.title) for node in diagram.nodes]
    titles = cut_apart(names, list(map(_room, picture.cards)), TITLE)
    room = max(picture.width, _LEAST_WIDTH, width_of(summary, SUMMARY))
    width = number(room + 2 * _MARGIN)
    bottom = _TOP + picture.height + _MARGIN
    height = number(bottom + (_LEGEND if meanings else 0.0))
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" class="codeserver" role="img" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"{attributes("all")}>',
        f"<title>{escape(heading)}</title>",
        f"<desc>{escape(summary)}</desc>",
        f"<style>{stylesheet()}</style>",
        f"<defs>{''.join(map(_head, ('plain', 'dynamic', 'collected')))}</defs>",
        f'<rect class="paper" width="{width}" height="{height}" rx="12"{attributes("paper")}/>',
        text(cut(heading, room, HEADING, bold=True), _MARGIN, 32, "heading"),
        text(summary, _MARGIN, 50, "summary"),
        f'<g transform="translate({number(_MARGIN)} {number(_TOP)})">',
        *map(_box, diagram.clusters, picture.boxes),
        *_edges(diagram.edges, picture.routes),
        *map(_card, diagram.nodes, picture.cards, titles),
        *map(_label, diagram.edges, picture.routes),
        "</g>",
        *_legend(meanings, bottom),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _box(cluster: Cluster, box: Box) -> str:
    x, y, right = box.x + BOX_PADDING, box.y + 20, box.right - BOX_PADDING
    title, subtitle = shown(cluster.title), one_line(cluster.subtitle)
    drawn = cut(title, right - x, SUBTITLE, bold=True)
    more = map(one_line, cluster.badges)
    parts = [tip(title, subtitle, *more), rectangle(box, 12, look="box"), text(drawn, x, y, "name")]
    x += width_of(drawn, SUBTITLE, bold=True) + 8
    if subtitle and right - x > 40:
        drawn = cut(subtitle, right - x, SUBTITLE)
        parts.append(text(drawn, x, y, "subtitle"))
        x += width_of(drawn, SUBTITLE) + 8
    if cluster.badges and right - x >= badge_width(cluster.badges[0]):
        parts.extend(badges(cluster.badges, x, y - 12, right - x))
    return f'<g class="box">{"".join(parts)}</g>'


def _room(card: Box) -> float:
    return card.width - 2 * PADDING - STRIPE


def _card(node: Node, box: Box, drawn: str) -> str:
    x, y, room = box.x + PADDING + STRIPE, box.y + 22.5, _room(box)
    title, subtitle = shown(node.title), one_line(node.subtitle)
    parts = [tip(title, subtitle, *map(one_line, node.badges))]
    if node.is_several:  # A second card peeps out below.
        parts.append(rectangle(Box(box.x + 5, box.y + 5, box.width, box.height), 9, "frame"))
    parts.append(rectangle(box, 9, "frame"))
    parts.append(
        rectangle(
            Box(box.x + 8, box.y + 9, 3, box.height - 18), 1.5, "stripe", f"stripe {node.kind}"
        )
    )
    parts.append(text(drawn, x, y, "title"))
    if subtitle:
        y += 16
        parts.append(text(cut_end(subtitle, room, SUBTITLE), x, y, "subtitle"))
    parts.extend(badges(node.badges, x, y + 9, room))
    return f'<g class="card {node.kind}">{"".join(parts)}</g>'


def _edges(edges: Sequence[Edge], routes: Sequence[Route]) -> Iterator[str]:
    """The lines. Curves that several lines share are drawn once, or they would look thicker."""
    drawn: set[tuple[str, Point, Curve]] = set()
    for edge, route in zip(edges, routes, strict=True):
        start, curves = route.start, list(route.curves)
        while len(curves) > 1 and (edge.style, start, curves[0]) in drawn:
            start = curves.pop(0)[2]
        here = start
        for curve in curves:
            drawn.add((edge.style, here, curve))
            here = curve[2]
        ends = f"{shown(edge.source)} → {shown(edge.target)}"
        look = f"edge {edge.style}"
        yield (
            f'<g class="{look}"{attributes(look)}>{tip(ends, one_line(edge.note or edge.label))}'
            f'<path d="{way(start, curves)}" marker-end="url(#head-{edge.style})"/></g>'
        )


def _label(edge: Edge, route: Route) -> str:
    if not edge.label or route.label is None:
        return ""
    x, y = route.label
    width = label_width(edge)
    frame = rectangle(
        Box(x - width / 2, y - LABEL_HEIGHT / 2, width, LABEL_HEIGHT), 4, look="label"
    )
    return (
        f'<g class="label">{tip(one_line(edge.note or edge.label))}{frame}'
        f"{text(label_of(edge), x, y + 3.5, look='label-text')}</g>"
    )


def _head(style: str) -> str:
    size = number(ARROW)
    return (
        f'<marker id="head-{style}" class="head-{style}" orient="auto" viewBox="0 -4 7 8" '
        f'markerUnits="userSpaceOnUse" markerWidth="{size}" markerHeight="8"'
        f"{attributes(f'head-{style}')}>"
        '<path d="M0 -3.5L7 0L0 3.5Z"/></marker>'
    )


def _legend(meanings: Sequence[tuple[str, str]], y: float) -> Iterator[str]:
    x = _MARGIN
    for style, meaning in meanings:
        line = way((x, y), [((x, y), (x + 26, y), (x + 26, y))])
        path = f'<path d="{line}" marker-end="url(#head-{style})"/>'
        look = f"edge {style}"
        yield f'<g class="{look}"{attributes(look)}>{path}</g>'
        yield text(meaning, x + 42, y + 4, "summary")
        x += 42 + width_of(meaning, SUMMARY) + 20
