"""The built-in layout: nothing is on top of anything else, whatever the diagram."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest

from codeserver.drawing import Diagram, Edge, Node, from_plan, svg
from codeserver.drawing.layout import lay_out
from codeserver.drawing.layout.measures import ARROW, LABEL_HEIGHT, label_width
from codeserver.drawing.layout.picture import Box, Picture, Point, Route
from tests.unit.golden.samples import SAMPLES, generated, plan
from tests.unit.work import calls

CASES = {
    **SAMPLES,
    "alone": lambda: generated(1),
    "loose": lambda: generated(40, edges_each=0.0),
    "loose_in_groups": lambda: generated(40, 3, seed=2, edges_each=0.0),
    **{
        f"{nodes}_in_{clusters}_{seed}": lambda n=nodes, c=clusters, s=seed: generated(n, c, s)
        for nodes, clusters in ((5, 0), (5, 2), (30, 0), (30, 4), (80, 8), (150, 10))
        for seed in (1, 2, 3, 4)
    },
    "dense": lambda: generated(60, 5, seed=6, edges_each=4.0),
    "deep_boxes": lambda: generated(60, 25, seed=7),
}


@cache
def laid_out(name: str) -> tuple[Diagram, Picture]:
    diagram = CASES[name]()
    return diagram, lay_out(diagram)


@pytest.fixture(params=CASES)
def drawn(request: pytest.FixtureRequest) -> tuple[Diagram, Picture]:
    return laid_out(request.param)


def test_no_two_cards_overlap(drawn: tuple[Diagram, Picture]) -> None:
    _, picture = drawn
    for one, other in combinations(picture.cards, 2):
        assert apart(one, other) >= 10


def test_every_edge_goes_from_its_source_to_the_right_to_its_target(
    drawn: tuple[Diagram, Picture],
) -> None:
    diagram, picture = drawn
    card = dict(zip((node.id for node in diagram.nodes), picture.cards, strict=True))
    assert len(picture.routes) == len(diagram.edges)
    for edge, route in zip(diagram.edges, picture.routes, strict=True):
        source, target = card[edge.source], card[edge.target]
        if source == target:
            assert route.start[1] == source.y
            continue
        assert source.right < target.x
        assert route.start[0] == pytest.approx(source.right)
        assert source.y < route.start[1] < source.bottom
        end = route.curves[-1][2]
        assert end[0] == pytest.approx(target.x - ARROW)
        assert target.y < end[1] < target.bottom
        xs = [point[0] for point in points(route)]
        assert xs == sorted(xs)


def test_no_edge_touches_a_card_of_others(drawn: tuple[Diagram, Picture]) -> None:
    diagram, picture = drawn
    cards = list(zip(diagram.nodes, picture.cards, strict=True))
    for edge, route in zip(diagram.edges, picture.routes, strict=True):
        if edge.source == edge.target:
            continue
        way = list(points(route))
        xs, ys = zip(*way, strict=True)
        around = Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
        for node, card in cards:
            if node.id not in {edge.source, edge.target} and apart(card, around) <= 0:
                assert not any(inside(point, card) for point in way), f"{edge} on {node.id}"


def test_a_box_contains_exactly_what_is_in_it(drawn: tuple[Diagram, Picture]) -> None:
    diagram, picture = drawn
    parent = {cluster.id: cluster.parent for cluster in diagram.clusters}

    def around(cluster: str) -> Iterator[str]:
        while cluster:
            yield cluster
            cluster = parent[cluster]

    boxes = dict(zip(parent, picture.boxes, strict=True))
    for node, card in zip(diagram.nodes, picture.cards, strict=True):
        its = set(around(node.cluster))
        for cluster, box in boxes.items():
            if cluster in its:
                assert contains(box, card)
            else:
                assert apart(box, card) > 0
    for one, other in combinations(boxes, 2):
        if one in around(other):
            assert contains(boxes[one], boxes[other])
        else:
            assert apart(boxes[one], boxes[other]) > 0


def test_labels_are_on_no_card_and_on_no_other_label(drawn: tuple[Diagram, Picture]) -> None:
    diagram, picture = drawn
    labels = [
        Box(
            route.label[0] - label_width(edge) / 2,
            route.label[1] - LABEL_HEIGHT / 2,
            label_width(edge),
            LABEL_HEIGHT - 0.01,
        )
        for edge, route in zip(diagram.edges, picture.routes, strict=True)
        if edge.label and route.label
    ]
    assert len(labels) == sum(bool(edge.label) for edge in diagram.edges)
    for label in labels:
        for card in picture.cards:
            assert apart(label, card) > 0
    for one, other in combinations(labels, 2):
        assert apart(one, other) > 0


def test_everything_is_in_the_picture(drawn: tuple[Diagram, Picture]) -> None:
    diagram, picture = drawn
    whole = Box(0, 0, picture.width, picture.height)
    for box in (*picture.cards, *picture.boxes):
        assert contains(whole, box)
    for edge, route in zip(diagram.edges, picture.routes, strict=True):
        if edge.source != edge.target:
            assert all(-0.1 <= y <= picture.height + 0.1 for _, y in points(route))


def test_steps_are_in_columns_by_their_levels() -> None:
    diagram = from_plan(plan())
    columns = sorted({card.x for card in lay_out(diagram).cards})
    assert [columns.index(card.x) for card in lay_out(diagram).cards] == [
        node.level for node in diagram.nodes
    ]


def test_what_is_not_connected_is_no_tower() -> None:
    picture = lay_out(generated(200, edges_each=0.0))
    assert 0.3 < picture.width / picture.height < 3


def test_a_source_is_beside_its_first_use() -> None:
    chain = [f"n{number}" for number in range(6)]
    edges = [Edge(*pair) for pair in pairwise(chain)]
    nodes = [Node(name, name, "op") for name in (*chain, "late")]
    picture = lay_out(Diagram("chain", tuple(nodes), (*edges, Edge("late", "n5"))))
    assert picture.cards[-1].x == picture.cards[4].x


def test_a_long_edge_is_straight_where_nothing_is_in_its_way() -> None:
    chain = [f"n{number}" for number in range(8)]
    edges = [Edge(*pair) for pair in pairwise(chain)]
    nodes = tuple(Node(name, name, "op") for name in chain)
    picture = lay_out(Diagram("chain", nodes, (*edges, Edge("n0", "n7"))))
    heights = {round(card.y, 1) for card in picture.cards}
    assert len(heights) <= 2
    between = {point[1] for curve in picture.routes[-1].curves[1:-1] for point in curve}
    assert len(between) == 1


def test_a_cycle_is_drawn_too() -> None:
    nodes = tuple(Node(name, name, "asset") for name in "abc")
    edges = (Edge("a", "b"), Edge("b", "c"), Edge("c", "a"))
    assert len(lay_out(Diagram("cycle", nodes, edges)).routes) == 3
    ElementTree.fromstring(svg(Diagram("cycle", nodes, edges)))


def test_four_times_as_many_nodes_are_not_much_more_than_four_times_the_work() -> None:
    few, many = (calls(partial(svg, generated(nodes, 8, seed=2))) for nodes in (100, 400))
    assert many < 10 * few


def points(route: Route) -> Iterator[Point]:
    """Points of the curves, near enough to each other not to miss a card."""
    start = route.start
    for one, other, end in route.curves:
        for step in range(11):
            t = step / 10
            weights = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3
            corners = (start, one, other, end)
            yield (
                sum(weight * corner[0] for weight, corner in zip(weights, corners, strict=True)),
                sum(weight * corner[1] for weight, corner in zip(weights, corners, strict=True)),
            )
        start = end


def inside(point: Point, box: Box) -> bool:
    return box.x < point[0] < box.right and box.y < point[1] < box.bottom


def contains(outer: Box, inner: Box) -> bool:
    slack = 0.01
    return (
        outer.x <= inner.x + slack
        and outer.y <= inner.y + slack
        and outer.right >= inner.right - slack
        and outer.bottom >= inner.bottom - slack
    )


def apart(one: Box, other: Box) -> float:
    """How far two rectangles are from each other; negative when they overlap."""
    return max(one.x - other.right, other.x - one.right, one.y - other.bottom, other.y - one.bottom)
