"""The tree: everything once, under what it can begin after."""

from __future__ import annotations

from functools import partial

import pytest
from rich.tree import Tree

from codeserver.drawing import Diagram, Edge, Node, from_job, text, tree
from codeserver.drawing.formats.tree import entries
from tests.unit.golden import samples
from tests.unit.golden.samples import generated
from tests.unit.work import calls

ENDLESS = 10_000


@pytest.mark.parametrize(("nodes", "clusters", "seed"), [(30, 0, 1), (100, 6, 2), (200, 10, 3)])
def test_everything_is_listed_once_after_what_it_is_under(
    nodes: int, clusters: int, seed: int
) -> None:
    diagram = generated(nodes, clusters, seed)
    listed = list(entries(diagram, ENDLESS))
    assert sorted(each.node.id for each in listed) == sorted(each.id for each in diagram.nodes)
    seen: set[str] = set()
    before = {(edge.source, edge.target) for edge in diagram.edges}
    titles = {node.id: node.title for node in diagram.nodes}
    for entry in listed:
        its = {source for source, target in before if target == entry.node.id}
        assert its <= seen
        if entry.under:
            assert entry.under in its
        named = {name.rsplit(".", 1)[-1] for name in entry.others}
        assert named == {titles[each] for each in its if each != entry.under}
        seen.add(entry.node.id)


def test_it_is_under_the_one_with_the_longest_way() -> None:
    nodes = tuple(Node(name, name, "op") for name in ("early", "a", "b", "last"))
    edges = (Edge("early", "last"), Edge("a", "b"), Edge("b", "last"))
    last = list(entries(Diagram("j", nodes, edges), ENDLESS))[-1]
    assert (last.node.id, last.under, last.others) == ("last", "b", ("early",))


def test_assets_are_listed_in_their_groups() -> None:
    lines = text(samples.shop()).splitlines()
    groups = [line.split()[-1] for line in lines if line[:3] in {"├──", "└──"}]
    assert groups == ["ingest", "warehouse", "reports"]
    assert any("revenue" in line and "itself" in line for line in lines)


def test_ops_have_the_names_of_their_graphs() -> None:
    assert "transform.clean.drop_empty" in text(from_job(samples.nightly()))


def test_a_chain_longer_than_the_line_goes_on_at_the_left() -> None:
    nodes = tuple(Node(f"n{number}", f"n{number}", "op") for number in range(1_000))
    edges = tuple(Edge(f"n{number}", f"n{number + 1}") for number in range(999))
    lines = text(Diagram("chain", nodes, edges), width=80).splitlines()
    assert len(lines) == 1_001
    assert max(map(len, lines)) <= 80
    assert sum("after" in line for line in lines) == depth_of(tree(Diagram("", nodes, edges), 80))


def depth_of(whole: Tree) -> int:
    """How often the chain begins again."""
    return len(whole.children) - 1


def test_ten_times_as_many_nodes_are_hardly_more_than_ten_times_the_work() -> None:
    few, many = (generated(nodes, 20, seed=2) for nodes in (100, 1_000))
    assert len(text(many).splitlines()) >= 1_001
    assert calls(partial(text, many)) < 15 * calls(partial(text, few))
