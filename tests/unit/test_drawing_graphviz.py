"""Pictures for which Graphviz says where everything is, and what is said when it cannot."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from codeserver.drawing import Diagram, Edge, Node, graphviz, svg
from codeserver.drawing.measures import card_size
from codeserver.errors import OperatorError
from tests.unit.golden.samples import SAMPLES, generated
from tests.unit.test_drawing_layout import apart, contains

PAIR = Diagram("pair", (Node("a", "a", "op"), Node("b", "b", "op")), (Edge("a", "b", "rows"),))

ANSWER = {
    "bb": "0,0,400,100",
    "objects": [
        {"name": "n0", "pos": "60,50", "width": "1.6667", "height": "0.5"},
        {"name": "n1", "pos": "340,50", "width": "1.6667", "height": "0.5"},
    ],
    "edges": [{"id": "0", "pos": "e,280,50 120,50 170,50 220,60 273,50", "lp": "200,70"}],
}

FakeDot = Callable[[str], None]


@pytest.fixture
def fake_dot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDot:
    """Puts a shell script on the PATH as `dot`, before everything else."""

    def make(script: str) -> None:
        program = tmp_path / "dot"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return make


def test_places_are_those_of_dot(fake_dot: FakeDot) -> None:
    fake_dot(f"cat >/dev/null; cat <<'END'\n{json.dumps(ANSWER)}\nEND")
    picture = graphviz.lay_out(PAIR)
    width, height = card_size(PAIR.nodes[0])
    assert (picture.width, picture.height) == (400, 100)
    assert (picture.cards[0].x, picture.cards[0].y) == (60 - width / 2, 50 - height / 2)
    assert picture.routes[0].start == (120, 50)
    assert picture.routes[0].curves == (((170, 50), (220, 40), (273, 50)),)
    assert picture.routes[0].label == (200, 30)


def test_the_look_is_ours(fake_dot: FakeDot) -> None:
    fake_dot(f"cat >/dev/null; cat <<'END'\n{json.dumps(ANSWER)}\nEND")
    root = ElementTree.fromstring(svg(PAIR, engine="graphviz"))
    assert root.get("class") == "codeserver"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo 'out of memory' >&2; exit 3", "exit code 3: out of memory"),
        ("exit 1", "exit code 1"),
        ("kill -SEGV $$", "signal 11"),
        ("echo this is no json", "something else"),
        ("echo '{}'", "something else"),
        ("exec sleep 60", "not finished within"),
    ],
)
def test_when_dot_fails_there_is_one_line(
    fake_dot: FakeDot, monkeypatch: pytest.MonkeyPatch, script: str, says: str
) -> None:
    monkeypatch.setattr(graphviz, "_TIMEOUT", 0.3 if "sleep" in script else 30.0)
    fake_dot(script)
    with pytest.raises(OperatorError, match=says) as raised:
        svg(PAIR, engine="graphviz")
    assert "\n" not in str(raised.value)


def test_when_there_is_no_dot_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OperatorError, match="install Graphviz"):
        svg(PAIR, engine="graphviz")


def test_auto_does_not_depend_on_what_is_installed(fake_dot: FakeDot) -> None:
    fake_dot("exit 1")
    assert svg(PAIR, engine="auto") == svg(PAIR, engine="builtin")


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("name", [*SAMPLES, "generated"])
def test_real_graphviz_gives_a_whole_picture(name: str) -> None:
    diagram = generated(60, 6, seed=3) if name == "generated" else SAMPLES[name]()
    picture = graphviz.lay_out(diagram)
    for one, other in combinations(picture.cards, 2):
        assert apart(one, other) > 0
    card = dict(zip((node.id for node in diagram.nodes), picture.cards, strict=True))
    for cluster, box in zip(diagram.clusters, picture.boxes, strict=True):
        for node in diagram.nodes:
            if node.cluster == cluster.id:
                assert contains(box, card[node.id])
    assert all(route.curves for route in picture.routes)
    for edge, route in zip(diagram.edges, picture.routes, strict=True):
        assert bool(edge.label) == (route.label is not None)
    ElementTree.fromstring(svg(diagram, engine="graphviz"))
