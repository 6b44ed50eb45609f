"""The SVG elements of a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from xml.sax.saxutils import escape

from codeserver.drawing.formats.look import attributes
from codeserver.drawing.layout.measures import (
    BADGE_GAP,
    BADGE_HEIGHT,
    BADGE_PADDING,
    SMALL,
    badge_width,
)
from codeserver.drawing.layout.picture import Box, Curve, Point
from codeserver.drawing.texts import ROUNDING, cut, shown


def badges(words: Sequence[str], x: float, y: float, room: float) -> Iterator[str]:
    """As many badges as there is room for, and a badge with the number of the others."""
    for index, word in enumerate(words):
        rest = len(words) - index
        more = badge_width(f"+{rest - 1}") + BADGE_GAP if rest > 1 else 0.0
        if index and badge_width(word) + more > room + ROUNDING:
            yield _badge(f"+{rest}", x, y)
            return
        drawn = cut(shown(word), room - more - 2 * BADGE_PADDING, SMALL)
        yield _badge(drawn, x, y)
        width = badge_width(drawn) + BADGE_GAP
        x, room = x + width, room - width


def _badge(drawn: str, x: float, y: float) -> str:
    width = badge_width(drawn)
    frame = rectangle(Box(x, y, width, BADGE_HEIGHT), BADGE_HEIGHT / 2, look="badge")
    words = text(drawn, x + width / 2, y + 11.5, look="badge-text")
    return f'<g class="badge">{frame}{words}</g>'


def rectangle(box: Box, radius: float, kind: str = "", look: str = "") -> str:
    """A rectangle with round corners. Without `look`, its class `kind` decides the look."""
    return (
        f'<rect {_class(kind)}x="{number(box.x)}" y="{number(box.y)}" '
        f'width="{number(box.width)}" height="{number(box.height)}" rx="{number(radius)}"'
        f"{attributes(look or kind)}/>"
    )


def text(content: str, x: float, y: float, kind: str = "", look: str = "") -> str:
    """A line of text."""
    look = attributes(look or kind)
    return f'<text {_class(kind)}x="{number(x)}" y="{number(y)}"{look}>{escape(content)}</text>'


def tip(*lines: str) -> str:
    """A tooltip, which screen readers read aloud, too."""
    return f"<title>{escape(chr(10).join(filter(None, lines)))}</title>"


def way(start: Point, curves: Sequence[Curve]) -> str:
    """The data of a path. Consecutive level pieces become one."""
    parts = [f"M{_point(start)}"]
    for (_, _, here), curve in pairwise([(start, start, start), *curves]):
        level = {here[1], *(point[1] for point in curve)} == {here[1]}
        if not level:
            parts.append(f"C{' '.join(map(_point, curve))}")
        elif parts[-1].startswith("H"):
            parts[-1] = f"H{number(curve[2][0])}"
        else:
            parts.append(f"H{number(curve[2][0])}")
    return "".join(parts)


def number(value: float) -> str:
    """A length with one decimal; finer steps are invisible."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def _point(point: Point) -> str:
    return f"{number(point[0])} {number(point[1])}"


def _class(kind: str) -> str:
    return f'class="{kind}" ' if kind else ""
