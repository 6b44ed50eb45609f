"""The look of pictures: colours for light and dark mode, lines and letters, as CSS."""

from __future__ import annotations

import re
from collections.abc import Mapping

from codeserver.drawing.layout.measures import HEADING, SMALL, SUBTITLE, SUMMARY, TITLE

_COLOURS = {
    "paper": ("#fbfcfd", "#13161c"),
    "card": ("#ffffff", "#1d222b"),
    "rim": ("#d3d9e3", "#3a4250"),
    "ink": ("#1b2230", "#e9ecf2"),
    "faint": ("#667085", "#98a2b5"),
    "line": ("#98a2b3", "#6a7487"),
    "box": ("#6478a0", "#a0b4dc"),
    "box-rim": ("#dbe0e9", "#2f3643"),
    "badge": ("#eef1f6", "#2b323e"),
    "badge-ink": ("#475267", "#bcc5d4"),
    "op": ("#5a67e8", "#8791ff"),
    "asset": ("#0f9d8c", "#3cc7b4"),
    "observable": ("#d9921a", "#efb54d"),
    "external": ("#98a2b3", "#7b8699"),
    "dynamic": ("#9054d8", "#b98af0"),
    "collected": ("#d1568a", "#ec86b1"),
}
"""Each colour in light and in dark mode."""

_EDGES = {"plain": "line", "dynamic": "dynamic", "collected": "collected"}

_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

_RULES = f"""
.codeserver text {{ font-family: {_FONT}; fill: var(--ink) }}
.codeserver .paper {{ fill: var(--paper) }}
.codeserver .heading {{ font-size: {HEADING:g}px; font-weight: 650 }}
.codeserver .summary {{ font-size: {SUMMARY:g}px; fill: var(--faint) }}
.codeserver .box > rect {{ fill: var(--box); fill-opacity: 0.08; stroke: var(--box-rim) }}
.codeserver .name {{ font-size: {SUBTITLE:g}px; font-weight: 600; fill: var(--faint) }}
.codeserver .card .frame {{ fill: var(--card); stroke: var(--rim) }}
.codeserver .card .stripe {{ fill: var(--op) }}
.codeserver .asset .stripe {{ fill: var(--asset) }}
.codeserver .observable .stripe {{ fill: var(--observable) }}
.codeserver .group .stripe {{ fill: var(--faint) }}
.codeserver .external .stripe {{ fill: var(--external) }}
.codeserver .external .frame {{ fill: var(--paper); stroke-dasharray: 4 3 }}
.codeserver .title {{ font-size: {TITLE:g}px; font-weight: 600 }}
.codeserver .external .title {{ fill: var(--faint) }}
.codeserver .subtitle {{ font-size: {SUBTITLE:g}px; fill: var(--faint) }}
.codeserver .badge rect {{ fill: var(--badge); stroke: none }}
.codeserver .badge text {{ font-size: {SMALL:g}px; fill: var(--badge-ink); text-anchor: middle }}
.codeserver .edge path {{ fill: none; stroke: var(--line); stroke-width: 1.4 }}
.codeserver .edge.dynamic path {{ stroke: var(--dynamic); stroke-dasharray: 5 4 }}
.codeserver .edge.collected path {{ stroke: var(--collected); stroke-width: 2.2 }}
.codeserver .edge:hover path {{ stroke-width: 3 }}
.codeserver .label rect {{ fill: var(--paper); opacity: 0.9 }}
.codeserver .label text {{ font-size: {SMALL:g}px; fill: var(--faint); text-anchor: middle }}
.codeserver .head-plain {{ fill: var(--line) }}
.codeserver .head-dynamic {{ fill: var(--dynamic) }}
.codeserver .head-collected {{ fill: var(--collected) }}
"""


_COLOUR = re.compile(r"([\w-]+): var\(--([\w-]+)\)")
"""A colour by its name. The picture has no CSS variables, because some programs ignore them."""

_LOOKS: Mapping[str, Mapping[str, object]] = {
    "all": {"fill": "ink", "font-family": "sans-serif", "font-size": TITLE},
    "paper": {"fill": "paper"},
    "heading": {"font-size": HEADING, "font-weight": "bold"},
    "summary": {"font-size": SUMMARY, "fill": "faint"},
    "box": {"fill": "box", "fill-opacity": 0.08, "stroke": "box-rim"},
    "name": {"font-size": SUBTITLE, "font-weight": "bold", "fill": "faint"},
    "frame": {"fill": "card", "stroke": "rim"},
    "title": {"font-size": TITLE, "font-weight": "bold"},
    "subtitle": {"font-size": SUBTITLE, "fill": "faint"},
    "badge": {"fill": "badge"},
    "badge-text": {"font-size": SMALL, "fill": "badge-ink", "text-anchor": "middle"},
    "label": {"fill": "paper"},
    "label-text": {"font-size": SMALL, "fill": "faint", "text-anchor": "middle"},
    **{f"stripe {kind}": {"fill": kind} for kind in ("asset", "observable", "external")},
    **{f"stripe {kind}": {"fill": "op"} for kind in ("op", "graph", "step")},
    "stripe group": {"fill": "faint"},
    **{
        f"edge {style}": {"fill": "none", "stroke": colour, "stroke-width": 1.4}
        for style, colour in _EDGES.items()
    },
    **{f"head-{style}": {"fill": colour} for style, colour in _EDGES.items()},
}


def stylesheet() -> str:
    """The rules. They apply only inside an element of the class `codeserver`."""
    dark = "".join(_only_colours(rule) for rule in _RULES.splitlines())
    light = _COLOUR.sub(lambda found: f"{found[1]}: {_COLOURS[found[2]][0]}", _RULES)
    return f"{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _only_colours(rule: str) -> str:
    """The rule for dark mode; empty if the rule sets no colour."""
    found = "; ".join(f"{name}: {_COLOURS[colour][1]}" for name, colour in _COLOUR.findall(rule))
    return f"{rule.partition(' {')[0]} {{ {found} }}\n" if found else ""


def attributes(look: str) -> str:
    """The look as attributes with a leading space, for programs that ignore style sheets.

    A class without a look of its own gets no attributes.
    """
    found = _LOOKS.get(look, {})
    return "".join(
        f' {name}="{_COLOURS.get(str(each), (each,))[0]}"' for name, each in found.items()
    )
