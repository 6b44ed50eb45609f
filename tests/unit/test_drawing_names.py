"""Names that are code somewhere: they are drawn as what they are, in every format."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from xml.etree import ElementTree

import pytest

from codeserver.drawing import Cluster, Diagram, Edge, Node, dot, mermaid, svg, text, to_json
from codeserver.drawing.texts import NAMELESS, cut, cut_end, one_line, width_of

SVG = "{http://www.w3.org/2000/svg}"

HOSTILE = {
    "empty": "",
    "blank": "  ",
    "quotes": """it's "quoted" `here`""",
    "html": "<b>&amp;</b> & <script>alert(1)</script>]]>",
    "lines": "one\ntwo\r\nthree\ttab",
    "controls": "\x00\x07\x1b[31mred\x7f\u0085\u2028",
    "other_way": "\u202egnp.exe \u2066hidden",
    "backslashes": "a\\",
    "escapes": r"\N \G \l \n \"",
    "mermaid": 'end %%{init: {}}%% ["x"] --> ; subgraph |a| #quot; @{ shape: x }',
    "markdown": "1. **bold** __init__ - `code` [link](http://x) _a_",
    "dot": '"]; } digraph { x [label=<b>',
    "markup": "[red]not red[/red] :smile:",
    "unicode": "größe/数据/данные/🦄👩‍💻",
    "long": "warehouse/" + "very_long_name_" * 20,
    "reserved": "end",
}


@pytest.fixture(params=HOSTILE)
def name(request: pytest.FixtureRequest) -> str:
    return HOSTILE[request.param]


@pytest.fixture
def diagram(name: str) -> Diagram:
    """The name as everything that a name can be."""
    return Diagram(
        title=name,
        nodes=(
            Node(name, name, "op", subtitle=name, cluster=name or "box", badges=(name,)),
            Node(name + "2", name, "asset", is_mapped=True),
        ),
        edges=(Edge(name, name + "2", name, "dynamic", name, name), Edge(name, name)),
        clusters=(Cluster(name or "box", name, "group", subtitle=name, badges=(name,)),),
    )


def shown(name: str) -> str:
    return one_line(name) if name.strip() else NAMELESS


def test_svg_says_the_whole_name(diagram: Diagram, name: str) -> None:
    root = ElementTree.fromstring(svg(diagram))
    assert root.findtext(f"{SVG}title") == shown(name)
    tips = [each.findtext(f"{SVG}title") or "" for each in root.iter(f"{SVG}g")]
    assert [tip.split("\n")[0] for tip in tips].count(shown(name)) >= 3
    assert not list(root.iter(f"{SVG}script"))


def test_svg_text_is_not_wider_than_its_card(diagram: Diagram) -> None:
    root = ElementTree.fromstring(svg(diagram))
    cards = [each for each in root.iter(f"{SVG}g") if "card" in each.get("class", "")]
    assert len(cards) == 2
    for card in cards:
        frame = card.find(f"{SVG}rect[@class='frame']")
        title = card.find(f"{SVG}text[@class='title']")
        assert frame is not None
        assert title is not None
        room = float(frame.get("x", 0)) + float(frame.get("width", 0)) - float(title.get("x", 0))
        assert width_of(title.text or "", 13.0, bold=True) <= room


def test_mermaid_has_each_name_in_quotes(diagram: Diagram, name: str) -> None:
    quoted = r'"[^"\n]*"'
    line = re.compile(
        rf"""flowchart\ LR
        | \ *n\d+(\({quoted}\)|\[\[{quoted}\]\])
        | \ *n\d+\ (-->|-\.->|==>)(\|{quoted}\|)?\ n\d+
        | \ *subgraph\ c\d+\[{quoted}\]
        | \ *end""",
        re.VERBOSE,
    )
    lines = mermaid(diagram).splitlines()
    for each in lines:
        assert line.fullmatch(each), each
    labels = [label for each in lines for label in re.findall(quoted, each)]
    decoded = {re.sub(r"#(\d+);", lambda code: chr(int(code[1])), each[1:-1]) for each in labels}
    assert any(each.split("<br/>")[0] == shown(name) for each in decoded)
    for label in labels:
        bare = label[1:-1].replace("<br/>", "")
        assert not re.search(r"""[<>&"'`*\[\](){}|%\\:+@]|#(?!\d+;)|(?<!\d);""", bare), label


def test_dot_has_each_name_as_one_token(diagram: Diagram, name: str) -> None:
    source = dot(diagram)
    token = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
    names = [each[1:-1].replace(r"\"", '"').replace("\\\\", "\\") for each in token.findall(source)]
    assert names[0] == name.replace("\0", r"\0")
    rest = token.sub("", source)
    assert re.fullmatch(r"[\w\s{}\[\]=,;>.-]*", rest), rest


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_what_dot_is_given(diagram: Diagram, name: str) -> None:
    done = subprocess.run(
        ["dot", "-Tdot_json"],
        input=dot(diagram).encode(),
        capture_output=True,
        check=True,
        timeout=30,
    )
    nodes = [
        each for each in json.loads(done.stdout, strict=False)["objects"] if "nodes" not in each
    ]
    read = [each["name"].replace("\\\\", "\\") for each in nodes if "label" in each]
    assert name.replace("\0", r"\0") in read


def test_json_has_the_name_unchanged(diagram: Diagram, name: str) -> None:
    read = json.loads(to_json(diagram))
    assert read["title"] == read["nodes"][0]["id"] == read["edges"][0]["label"] == name


def test_text_has_one_line_for_each_thing(diagram: Diagram, name: str) -> None:
    lines = text(diagram).split("\n")
    assert len(lines) == 1 + 1 + 2 + 1  # Title, group, two nodes, nothing.
    assert all(shown(name).rstrip() in line for line in lines[:-1])


@pytest.mark.parametrize("width", [20.0, 60.0, 200.0])
def test_what_is_cut_fits_and_keeps_both_ends(name: str, width: float) -> None:
    short = cut(shown(name), width, 13.0, bold=True)
    assert width_of(short, 13.0, bold=True) <= width + 0.01
    if short != shown(name):
        head, tail = short.split("…")
        assert shown(name).startswith(head)
        assert shown(name).endswith(tail)
    assert width_of(cut_end(shown(name), width, 13.0), 13.0) <= width + 0.01
