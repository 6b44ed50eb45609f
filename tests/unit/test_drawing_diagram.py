"""What becomes of jobs, assets and plans: the cards, lines and boxes of a diagram."""

from __future__ import annotations

import pytest

from codeserver.api import v1
from codeserver.drawing import Diagram, from_assets, from_job, from_plan
from codeserver.drawing.facts import partitioning
from tests.unit.golden import samples
from tests.unit.golden.samples import edge, graph, into, job, op, out_of

Partitions = v1.PartitionsDefinition


def pairs(diagram: Diagram) -> list[tuple[str, str]]:
    return [(each.source, each.target) for each in diagram.edges]


def test_lines_to_a_graph_go_to_what_is_in_it() -> None:
    diagram = from_job(samples.nightly())
    assert ("load_orders", "transform.clean.drop_empty") in pairs(diagram)
    assert ("load_customers", "transform.join_customers") in pairs(diagram)
    assert ("transform.join_customers", "split_by_country") in pairs(diagram)
    assert [(each.id, each.parent, each.subtitle) for each in diagram.clusters] == [
        ("transform", "", ""),
        ("transform.clean", "transform", "clean_rows"),
    ]
    assert {each.id: each.cluster for each in diagram.nodes}["transform.clean.fix_dates"] == (
        "transform.clean"
    )


def test_an_input_of_a_graph_may_go_to_several_ops() -> None:
    inner = v1.Graph(
        nodes=[op("one", "both", ins=["x"]), op("two", "both", ins=["x"])],
        input_mappings=[into("x", "one.x"), into("x", "two.x")],
        output_mappings=[out_of("y", "one.result"), out_of("z", "two.result")],
    )
    nodes = [op("a"), graph("both", ins=["x"], outs=["y", "z"], graph=inner), op("b", ins=["y"])]
    diagram = from_job(job("j", nodes, [edge("a.result", "both.x"), edge("both.z", "b.y")]))
    assert pairs(diagram) == [("a", "both.one"), ("a", "both.two"), ("both.two", "b")]


def test_an_output_of_a_graph_may_collect_from_several_ops() -> None:
    inner = v1.Graph(
        nodes=[op("one", "both"), op("two", "both")],
        output_mappings=[out_of("y", "one.result"), out_of("y", "two.result")],
    )
    nodes = [graph("both", outs=["y"], graph=inner), op("b", ins=["y"])]
    diagram = from_job(job("j", nodes, [edge("both.y", "b.y")]))
    assert pairs(diagram) == [("both.one", "b"), ("both.two", "b")]


def test_no_line_is_lost_when_a_mapping_is_missing() -> None:
    inner = v1.Graph(nodes=[op("first", "g"), op("last", "g")])
    nodes = [op("a"), graph("g", graph=inner), op("b", ins=["x"])]
    diagram = from_job(job("j", nodes, [edge("a.result", "g.x"), edge("g.result", "b.x")]))
    assert pairs(diagram) == [("a", "g.first"), ("g.last", "b")]


def test_a_graph_with_nothing_in_it_is_a_card() -> None:
    diagram = from_job(job("j", [graph("empty")], []))
    assert [(each.id, each.kind) for each in diagram.nodes] == [("empty", "graph")]
    assert not diagram.clusters


@pytest.mark.parametrize(
    ("outs", "ins", "edges", "labels"),
    [
        (["result"], ["x"], ["a.result b.x"], [""]),
        (["rows"], ["x"], ["a.rows b.x"], ["rows"]),
        (["result"], ["x", "y"], ["a.result b.x", "a.result b.y"], ["x", "y"]),
        (["x", "y"], ["x", "y"], ["a.x b.x", "a.y b.y"], ["x", "y"]),
        (["x", "y"], ["p", "q"], ["a.x b.p", "a.y b.q"], ["x → p", "y → q"]),
        (["result"], ["x", "unused"], ["a.result b.x"], [""]),
    ],
)
def test_a_label_is_what_says_something(
    outs: list[str], ins: list[str], edges: list[str], labels: list[str]
) -> None:
    nodes = [op("a", outs=outs), op("b", ins=ins)]
    diagram = from_job(job("j", nodes, [edge(*each.split()) for each in edges]))
    assert [each.label for each in diagram.edges] == labels


def test_styles_say_how_values_go() -> None:
    diagram = from_job(samples.nightly())
    styles = {(each.source, each.target): each.style for each in diagram.edges}
    assert styles["split_by_country", "write_report"] == "dynamic"
    assert styles["write_report", "check_report"] == "plain"
    assert styles["check_report", "send_mail"] == "collected"
    mapped = [each.id for each in diagram.nodes if each.is_mapped]
    assert mapped == ["write_report", "check_report"]
    badges = {each.id: each.badges for each in diagram.nodes}
    assert badges["write_report"] == ("for each value", "pool warehouse")
    assert badges["send_mail"] == ("collects",)


def test_an_asset_of_several_repositories_is_drawn_once() -> None:
    external = v1.Asset(key="a", execution=v1.Asset.EXECUTION_EXTERNAL, repository="one")
    real = v1.Asset(key="a", execution=v1.Asset.EXECUTION_MATERIALIZATION, repository="two")
    both = [v1.AssetEdge(from_key="a", to_key="b")] * 2
    for assets in ([external, real], [real, external]):
        diagram = from_assets([*assets, v1.Asset(key="b")], both)
        assert [(each.id, each.kind) for each in diagram.nodes] == [("a", "asset"), ("b", "asset")]
        assert pairs(diagram) == [("a", "b")]


def test_a_dependency_on_an_asset_that_is_not_there_is_left_out() -> None:
    edges = [v1.AssetEdge(from_key="gone", to_key="a"), v1.AssetEdge(from_key="a", to_key="gone")]
    assert not from_assets([v1.Asset(key="a")], edges).edges


@pytest.mark.parametrize(
    ("mapping", "label", "note"),
    [
        ("", "", ""),
        ("The last 7 days.", "The last 7 days", ""),
        (
            "Maps each day to all hours in it.",
            "partition mapping",
            "Maps each day to all hours in it",
        ),
    ],
)
def test_a_partition_mapping_is_told(mapping: str, label: str, note: str) -> None:
    needed = v1.AssetDependency(key="a", partition_mapping=mapping)
    assets = [v1.Asset(key="a"), v1.Asset(key="b", dependencies=[needed])]
    (line,) = from_assets(assets, [v1.AssetEdge(from_key="a", to_key="b")]).edges
    assert (line.label, line.note) == (label, note)


@pytest.mark.parametrize(
    ("groups", "boxes"),
    [
        (["default", "default"], []),
        (["default", "sales"], ["default", "sales"]),
        (["sales", "sales"], ["sales"]),
        (["", "sales"], ["sales"]),
        (["", "default"], ["default"]),
        (["", ""], []),
    ],
)
def test_a_box_around_everything_is_left_out(groups: list[str], boxes: list[str]) -> None:
    assets = [v1.Asset(key=str(index), group=group) for index, group in enumerate(groups)]
    diagram = from_assets(assets, [])
    assert [each.title for each in diagram.clusters] == boxes
    assert {each.cluster for each in diagram.nodes} <= {"", *boxes}


@pytest.mark.parametrize(
    ("partitions", "words"),
    [
        (Partitions(kind=Partitions.KIND_STATIC, static_count=1), "1 partition"),
        (Partitions(kind=Partitions.KIND_STATIC, static_count=1200), "1,200 partitions"),
        (Partitions(kind=Partitions.KIND_DYNAMIC), "dynamic partitions"),
        (Partitions(kind=Partitions.KIND_FUNCTION), "partitioned"),
        (Partitions(), "partitioned"),
        (
            Partitions(
                kind=Partitions.KIND_MULTI,
                dimensions=[v1.PartitionDimension(name=name) for name in ("day", "shop")],
            ),
            "day \N{MULTIPLICATION SIGN} shop",
        ),
        *(
            (
                Partitions(
                    kind=Partitions.KIND_TIME_WINDOW,
                    time_windows=v1.TimeWindows(cron_schedule=cron),
                ),
                words,
            )
            for cron, words in (
                ("0 * * * *", "hourly"),
                ("30 4 * * *", "daily"),
                ("0 0 * * 1", "weekly"),
                ("0 0 1 * *", "monthly"),
                ("0 */6 * * *", "time windows"),
                ("@daily", "time windows"),
            )
        ),
    ],
)
def test_partitions_in_a_word(partitions: v1.PartitionsDefinition, words: str) -> None:
    assert partitioning(partitions) == words
    diagram = from_assets([v1.Asset(key="a", partitions=partitions)], [])
    assert diagram.nodes[0].badges == (words,)


def test_a_plan_has_one_line_for_each_step_that_is_waited_for() -> None:
    diagram = from_plan(samples.plan())
    assert [(each.source, each.target, each.style) for each in diagram.edges] == [
        ("split", "deep.work[?]", "dynamic"),
        ("deep.work[?]", "merge", "collected"),
        ("split", "merge", "plain"),
        ("before", "merge", "plain"),
    ]
    assert [each.level for each in diagram.nodes] == [0, 1, 2, 0]


@pytest.mark.parametrize(
    ("diagram", "summary"),
    [
        (samples.example_job(), "2 ops, 1 dependency"),
        (samples.shop(), "9 assets in 3 groups, 12 dependencies"),
        (from_job(samples.nightly()), "10 ops in 2 graphs, 11 dependencies"),
        (from_plan(samples.plan()), "4 steps, 4 dependencies"),
        (from_assets([v1.Asset(key="a")], []), "1 asset, 0 dependencies"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_how_much_there_is(diagram: Diagram, summary: str) -> None:
    assert diagram.summary() == summary
