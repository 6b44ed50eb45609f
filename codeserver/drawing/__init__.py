"""Drawings of jobs, assets and plans, made from the messages of the typed API.

`from_job`, `from_assets`, `from_groups`, `from_group` and `from_plan` make a `Diagram`; `tree`,
`text`, `mermaid`, `dot`, `svg` and `to_json` draw one.
"""

from __future__ import annotations

from codeserver.drawing.assets import from_assets
from codeserver.drawing.diagram import Cluster, Diagram, Edge, Node
from codeserver.drawing.formats.sources import dot, mermaid, to_json
from codeserver.drawing.formats.svg import svg
from codeserver.drawing.formats.tree import text, tree
from codeserver.drawing.groups import MOST_ASSETS, from_group, from_groups, group_of, nearest
from codeserver.drawing.jobs import from_job
from codeserver.drawing.plans import from_plan

__all__ = [
    "MOST_ASSETS",
    "Cluster",
    "Diagram",
    "Edge",
    "Node",
    "dot",
    "from_assets",
    "from_group",
    "from_groups",
    "from_job",
    "from_plan",
    "group_of",
    "mermaid",
    "nearest",
    "svg",
    "text",
    "to_json",
    "tree",
]
