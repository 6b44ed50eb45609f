"""A diagram as JSON, for programs that draw it in their own way."""

from __future__ import annotations

import json
from dataclasses import asdict

from codeserver.drawing.diagram import Diagram


def to_json(diagram: Diagram) -> str:
    """Title, nodes, edges and clusters, with the names of their attributes, in the given order."""
    return json.dumps(asdict(diagram), indent=2, ensure_ascii=False) + "\n"
