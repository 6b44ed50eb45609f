"""Asks the program `dot` of Graphviz where everything is; the look stays ours."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from codeserver.drawing.diagram import Diagram
from codeserver.drawing.measures import (
    ARROW,
    BOX_HEADER,
    BOX_PADDING,
    CARD_GAP,
    LABEL_HEIGHT,
    card_size,
    label_width,
)
from codeserver.drawing.picture import Box, Curve, Picture, Point, Route
from codeserver.errors import OperatorError

_TIMEOUT = 60.0
_INCH = 72.0


def lay_out(diagram: Diagram) -> Picture:
    """The place of everything, as `dot` has it.

    Raises:
        OperatorError: there is no `dot`, it fails, or it takes more than a minute.
    """
    if not diagram.nodes:
        return Picture((), (), (), 0.0, 0.0)
    program = shutil.which("dot")
    if program is None:
        raise OperatorError(
            "There is no program `dot` on the PATH; install Graphviz, or use the engine builtin."
        )
    try:
        done = subprocess.run(
            [program, "-Tjson"],
            input=_source(diagram).encode(),
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OperatorError(
            f"`dot` has not finished within {_TIMEOUT:g} s; use the engine builtin."
        ) from None
    except OSError as error:
        raise OperatorError(f"{program} cannot be executed: {error.strerror}.") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it says nothing"]
        code = done.returncode
        how = f"exit code {code}" if code > 0 else f"signal {-code}"
        raise OperatorError(f"`dot` has failed with {how}: {said[0]}")
    try:
        return _picture(diagram, json.loads(done.stdout))
    except (KeyError, ValueError, IndexError, TypeError):
        raise OperatorError(
            "`dot -Tjson` has answered with something else; update Graphviz, or use the engine "
            "builtin."
        ) from None


def _source(diagram: Diagram) -> str:
    """The diagram with nothing but sizes; things are called by their numbers."""
    number = {node.id: index for index, node in enumerate(diagram.nodes)}
    boxes = {cluster.id: index for index, cluster in enumerate(diagram.clusters)}
    lines = [
        "digraph {",
        f"graph [rankdir=LR, nodesep={CARD_GAP / _INCH:.3f}, ranksep=0.85, margin=0];",
        'node [shape=box, fixedsize=true, label=""];',
        f"edge [arrowsize={ARROW / 10:.2f}];",
    ]

    def content(cluster: str) -> None:
        for node in diagram.nodes:
            if node.cluster == cluster:
                width, height = (side / _INCH for side in card_size(node))
                lines.append(f"n{number[node.id]} [width={width:.3f}, height={height:.3f}];")
        for each in diagram.clusters:
            if each.parent == cluster:
                lines.append(f"subgraph cluster_{boxes[each.id]} {{")
                # The label only keeps room for ours, at the place that it has there.
                lines.append(f'margin={BOX_PADDING:g}; label=" "; fontsize={BOX_HEADER / 2:g};')
                content(each.id)
                lines.append("}")

    content("")
    for index, edge in enumerate(diagram.edges):
        # At their sides, as in the built-in layout; a loop has none.
        label = "" if edge.source == edge.target else ", tailport=e, headport=w"
        if edge.label:
            width, height = label_width(edge) * 1.1, LABEL_HEIGHT
            label += (
                f', label=<<table border="0" fixedsize="true" width="{width:.0f}" '
                f'height="{height:.0f}"><tr><td></td></tr></table>>'
            )
        lines.append(f"n{number[edge.source]} -> n{number[edge.target]} [id={index}{label}];")
    return "\n".join([*lines, "}"])


def _picture(diagram: Diagram, found: Mapping[str, Any]) -> Picture:
    _, _, width, height = _numbers(found["bb"])
    cards: dict[int, Box] = {}
    boxes: dict[int, Box] = {}
    for each in found["objects"]:
        name = each["name"]
        if name.startswith("cluster_"):
            left, lower, right, upper = _numbers(each["bb"])
            boxes[int(name[8:])] = Box(left, height - upper, right - left, upper - lower)
        else:
            x, y = _numbers(each["pos"])
            number = int(name[1:])
            its, high = card_size(diagram.nodes[number])
            cards[number] = Box(x - its / 2, height - y - high / 2, its, high)
    routes = {int(each["id"]): _route(each, height) for each in found.get("edges", ())}
    return Picture(
        cards=tuple(cards[index] for index in range(len(diagram.nodes))),
        boxes=tuple(boxes[index] for index in range(len(diagram.clusters))),
        routes=tuple(routes[index] for index in range(len(diagram.edges))),
        width=width,
        height=height,
    )


def _route(edge: Mapping[str, Any], height: float) -> Route:
    points: list[Point] = []
    for pair in edge["pos"].split():
        if pair[0] in "se":  # Where the arrow head ends.
            continue
        x, y = _numbers(pair)
        points.append((x, height - y))
    curves: list[Curve] = [
        (points[at], points[at + 1], points[at + 2]) for at in range(1, len(points) - 2, 3)
    ]
    label = None
    if "lp" in edge:
        x, y = _numbers(edge["lp"])
        label = x, height - y
    return Route(points[0], tuple(curves), label)


def _numbers(text: str) -> Sequence[float]:
    return [float(number) for number in text.split(",")]
