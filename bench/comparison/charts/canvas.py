"""A drawing in SVG: shapes and texts in the colours of the servers."""

from __future__ import annotations

from html import escape

WIDTH = 700
"""Of every chart, in pixels."""
MARGIN = 20
FIRST = 78
"""Where what is drawn begins, below the heading."""

_STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
.heading { font-size: 16px; font-weight: 650 }
.group { font-weight: 600 }
.paper { fill: #fbfcfd } text { fill: #1b2230 } .faint { fill: #5d6675 }
.grid { stroke: #dbe0e9 } .guide { stroke: #8a93a3; stroke-dasharray: 3 4 }
path { fill: none; stroke-width: 2.2 }
.fill-ours { fill: #0072b2 } .line-ours { stroke: #0072b2 }
.fill-api { fill: #d55e00 } .line-api { stroke: #d55e00 }
.fill-code-server { fill: #7c8594 } .line-code-server { stroke: #7c8594 }
.fill-other { fill: #b9a24a } .line-other { stroke: #b9a24a }
@media (prefers-color-scheme: dark) {
.paper { fill: #13161c } text { fill: #e9ecf2 } .faint { fill: #98a2b5 }
.grid { stroke: #2f3643 } .guide { stroke: #6a7487 }
.fill-ours { fill: #56b4e9 } .line-ours { stroke: #56b4e9 }
.fill-api { fill: #f0883e } .line-api { stroke: #f0883e }
.fill-code-server { fill: #98a2b5 } .line-code-server { stroke: #98a2b5 }
.fill-other { fill: #d8c878 } .line-other { stroke: #d8c878 }
}
"""
_COLOURED = ("ours", "api", "code-server")


def colour(server: str) -> str:
    """The name of a server's colour."""
    return server if server in _COLOURED else "other"


class Canvas:
    """What is drawn, with a heading above it.

    Args:
        title: of the chart.
        subtitle: what its numbers are, and whether more is better.
    """

    def __init__(self, title: str, subtitle: str) -> None:
        self._title = title
        self._parts: list[str] = []
        self.text(MARGIN, 34, title, "heading")
        self.text(MARGIN, 54, subtitle, "faint")

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        """Write on the line whose base is at `y`.

        Args:
            x: where it is anchored.
            y: base of the line.
            text: what to write.
            kind: class of the style.
            anchor: start, middle or end.
        """
        classes = f' class="{kind}"' if kind else ""
        ends = f' text-anchor="{anchor}"' if anchor != "start" else ""
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}"{classes}{ends}>{escape(text, quote=False)}</text>'
        )

    def bar(self, x: float, y: float, width: float, height: float, server: str) -> None:
        """A rectangle in the colour of the server; however small, it can be seen."""
        self._parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(1.5, width):.1f}" height="{height:.1f}" '
            f'rx="1.5" class="fill-{colour(server)}"/>'
        )

    def line(self, begin: tuple[float, float], end: tuple[float, float], kind: str) -> None:
        """A straight line of a kind of the style."""
        (x1, y1), (x2, y2) = begin, end
        self._parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'
        )

    def curve(self, points: list[tuple[float, float]], server: str) -> None:
        """Points in the colour of the server, and the lines between them."""
        path = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self._parts.append(f'<path d="M{path}" class="line-{colour(server)}"/>')
        for x, y in points:
            self._parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="fill-{colour(server)}"/>'
            )

    def svg(self, height: float, description: str) -> str:
        """The whole drawing.

        Args:
            height: in pixels.
            description: the numbers, for those who cannot see it.
        """
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" role="img" '
                f'aria-labelledby="title description" viewBox="0 0 {WIDTH} {height:.0f}" '
                f'width="{WIDTH}" height="{height:.0f}">',
                f'<title id="title">{escape(self._title, quote=False)}</title>',
                f'<desc id="description">{escape(description, quote=False)}</desc>',
                f"<style>{_STYLE}</style>",
                f'<rect class="paper" width="{WIDTH}" height="{height:.0f}" rx="6"/>',
                *self._parts,
                "</svg>\n",
            ]
        )
