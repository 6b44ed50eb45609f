"""Sizes of the parts of a drawing, in CSS pixels."""

from __future__ import annotations

from math import fsum

from codeserver.drawing.diagram import Edge, Node
from codeserver.drawing.texts import cut, shown, width_of

HEADING, SUMMARY, TITLE, SUBTITLE, SMALL = 17.0, 12.0, 13.0, 11.0, 10.0
"""Font sizes."""

PADDING, STRIPE = 14.0, 5.0
"""Space between the edge of a card and its text, and more space for the coloured stripe."""

BADGE_HEIGHT, BADGE_PADDING, BADGE_GAP = 16.0, 7.0, 5.0
CARD_WIDTHS = (120.0, 280.0)
LABEL_WIDTH = 132.0
LABEL_HEIGHT = 15.0

BOX_HEADER, BOX_PADDING = 30.0, 14.0
"""Free space above and around the content of a box."""

ARROW = 7.0
"""Length of an arrow head; lines end so far before the card."""

CARD_GAP, LINE_GAP = 20.0, 12.0
"""Least vertical distance between cards, and between edges that pass by."""


def card_size(node: Node) -> tuple[float, float]:
    """Width and height of a card."""
    title = width_of(shown(node.title), TITLE, bold=True)
    badges = fsum(badge_width(badge) + BADGE_GAP for badge in node.badges) - BADGE_GAP
    least, most = CARD_WIDTHS
    wanted = (
        max(title, badges, min(width_of(node.subtitle, SUBTITLE), 200.0)) + 2 * PADDING + STRIPE
    )
    height = 36.0 + (16.0 if node.subtitle else 0.0) + (24.0 if node.badges else 0.0)
    return min(most, max(least, wanted)), height


def badge_width(badge: str) -> float:
    """Width of a badge with its frame."""
    return width_of(shown(badge), SMALL) + 2 * BADGE_PADDING


def label_of(edge: Edge) -> str:
    """The label of an edge, cut to the width of labels; empty without one."""
    return cut(shown(edge.label), LABEL_WIDTH, SMALL) if edge.label else ""


def label_width(edge: Edge) -> float:
    """Width of the label of an edge with the space around it; 0 without one."""
    return width_of(label_of(edge), SMALL) + 10.0 if edge.label else 0.0
