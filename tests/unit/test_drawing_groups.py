"""Assets drawn by their groups, some steps of them, and names that are told apart."""

from __future__ import annotations

import pytest

from codeserver.api import v1
from codeserver.drawing import from_group, from_groups, mermaid, nearest, svg, to_json
from codeserver.drawing.diagram import Diagram, Node
from codeserver.drawing.texts import cut_apart

GROUPS = {"a": "raw", "b": "raw", "c": "sales", "d": "sales", "e": "sales", "f": ""}
ASSETS = [v1.Asset(key=key, group=group) for key, group in GROUPS.items()]
EDGES = [
    v1.AssetEdge(from_key=source, to_key=target)
    for source, target in ("ab", "ac", "bc", "bd", "cd", "de", "ef")
]
LONG = "warehouse/a_schema_with_a_long_name_for_everything_{}_and/a_table_with_a_long_name_too"


def ends(diagram: Diagram) -> list[tuple[str, str, str]]:
    return [(edge.source, edge.target, edge.label) for edge in diagram.edges]


def test_groups_are_cards_with_what_is_between_them() -> None:
    diagram = from_groups(ASSETS, EDGES)

    assert [(node.title, *node.badges) for node in diagram.nodes] == [
        ("raw", "2 assets"),
        ("sales", "3 assets"),
        ("default", "1 asset"),
    ]
    assert ends(diagram) == [
        ("group raw", "group sales", "3 dependencies"),
        ("group sales", "group default", ""),
    ]
    assert diagram.summary() == "3 groups, 2 dependencies"


def test_a_group_is_drawn_with_those_beside_it() -> None:
    diagram = from_group(ASSETS, EDGES, "sales")

    assert [(node.title, node.cluster) for node in diagram.nodes] == [
        *(("c", "sales"), ("d", "sales"), ("e", "sales")),
        *(("raw", ""), ("default", "")),
    ]
    assert ends(diagram) == [
        *(("c", "d", ""), ("d", "e", "")),
        *(("group raw", "c", "2 dependencies"), ("group raw", "d", ""), ("e", "group default", "")),
    ]
    assert diagram.summary() == "3 assets beside 2 groups, 5 dependencies"


@pytest.mark.parametrize("group", ["raw", "sales", "default"])
def test_a_group_can_be_drawn_in_every_format(group: str) -> None:
    diagram = from_group(ASSETS, EDGES, group)
    for draw in (svg, mermaid, to_json):
        assert all(node.title in draw(diagram) for node in diagram.nodes)


@pytest.mark.parametrize(
    ("depth", "keys"), [(0, "a"), (1, "abc"), (2, "abcd"), (3, "abcde"), (9, "abcdef")]
)
def test_steps_from_what_begins(depth: int, keys: str) -> None:
    assert [asset.key for asset in nearest(ASSETS, EDGES, depth)] == [*keys]


@pytest.mark.parametrize(
    "names",
    [
        [LONG.format(number) for number in (1, 2)],
        [LONG.format(number) for number in ("11", "12", "21", "22")],
        [LONG.format(""), LONG.format("") + " "],
        [f"{'x' * 100}{middle}{'y' * 100}" for middle in ("1", "2" + "z" * 100, "3")],
        ["x" * 100, "x" * 101, "x" * 102],
    ],
    ids=["one difference", "two differences", "a space", "other lengths", "only lengths"],
)
def test_names_that_are_cut_are_told_apart(names: list[str]) -> None:
    drawn = cut_apart(names, [150.0] * len(names), 13)
    assert len(set(drawn)) == len(names)
    picture = svg(Diagram("Assets", tuple(Node(name, name, "asset") for name in names), ()))
    titles = [line.partition("</text>")[0] for line in picture.split('class="title"')[1:]]
    assert len({title.partition(">")[2] for title in titles}) == len(names)


def test_names_that_fit_or_differ_are_cut_as_ever() -> None:
    assert cut_apart(["a/orders", "b/orders", "a/orders"], [150.0] * 3, 13) == [
        *("a/orders", "b/orders", "a/orders")
    ]
