"""What the golden files show, and generated diagrams of any size."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence

from codeserver.api import v1
from codeserver.drawing import Cluster, Diagram, Edge, Node, from_assets, from_job, from_plan


def op(name: str, within: str = "", **fields: object) -> v1.Node:
    """An op; `ins` and `outs` are names, and a dynamic output begins with `*`."""
    return _node(name, within, v1.Node.KIND_OP, fields)


def graph(name: str, within: str = "", **fields: object) -> v1.Node:
    """A graph in a graph; `content` is what it consists of."""
    return _node(name, within, v1.Node.KIND_GRAPH, fields)


def _node(name: str, within: str, kind: v1.Node.Kind, fields: dict[str, object]) -> v1.Node:
    ins: Sequence[str] = fields.pop("ins", ())  # type: ignore[assignment]
    outs: Sequence[str] = fields.pop("outs", ("result",))  # type: ignore[assignment]
    return v1.Node(
        name=name,
        handle=f"{within}.{name}" if within else name,
        definition=fields.pop("definition", name),  # type: ignore[arg-type]
        kind=kind,
        inputs=[v1.Input(name=each) for each in ins],
        outputs=[v1.Output(name=each.strip("*"), is_dynamic=each[0] == "*") for each in outs],
        **fields,  # type: ignore[arg-type]
    )


def edge(source: str, target: str, **fields: bool) -> v1.Edge:
    """An edge from `node.output` to `node.input`."""
    from_node, from_output = source.split(".")
    to_node, to_input = target.split(".")
    return v1.Edge(
        from_node=from_node,
        from_output=from_output,
        to_node=to_node,
        to_input=to_input,
        **fields,
    )


def into(name: str, target: str) -> v1.InputMapping:
    """An input of a graph that goes to `node.input`."""
    node, node_input = target.split(".")
    return v1.InputMapping(input=name, node=node, node_input=node_input)


def out_of(name: str, source: str) -> v1.OutputMapping:
    """An output of a graph that comes from `node.output`."""
    node, node_output = source.split(".")
    return v1.OutputMapping(output=name, node=node, node_output=node_output)


def job(name: str, nodes: Sequence[v1.Node], edges: Sequence[v1.Edge]) -> v1.GetJobResponse:
    """A job."""
    content = v1.Graph(name=name, nodes=nodes, edges=edges)
    return v1.GetJobResponse(job=v1.Job(name=name, graph=name), graph=content)


def example_job() -> Diagram:
    """The two ops of `example_user_code`."""
    nodes = [
        op("multiply_the_word", ins=["word"], description="Repeat a word `factor` times."),
        op("count_letters", ins=["word"], description="Count how often each letter occurs."),
    ]
    return from_job(
        job("example_job", nodes, [edge("multiply_the_word.result", "count_letters.word")])
    )


def nightly() -> v1.GetJobResponse:
    """A job with graphs in graphs, an alias, fan-in, and ops that are mapped and collected."""
    clean = v1.Graph(
        name="clean_rows",
        nodes=[
            op("drop_empty", "transform.clean", ins=["rows"]),
            op("fix_dates", "transform.clean", ins=["rows"]),
        ],
        edges=[edge("drop_empty.result", "fix_dates.rows")],
        input_mappings=[into("rows", "drop_empty.rows")],
        output_mappings=[out_of("result", "fix_dates.result")],
    )
    transform = v1.Graph(
        name="transform",
        nodes=[
            graph("clean", "transform", definition="clean_rows", ins=["rows"], graph=clean),
            op("join_customers", "transform", ins=["rows", "customers"]),
        ],
        edges=[edge("clean.result", "join_customers.rows")],
        input_mappings=[
            into("orders", "clean.rows"),
            into("customers", "join_customers.customers"),
        ],
        output_mappings=[out_of("result", "join_customers.result")],
    )
    retries = v1.RetryPolicy(max_retries=3)
    nodes = [
        op("load_orders", description="Read what was ordered since yesterday.\nEvery hour."),
        op("load_customers", retry_policy=retries),
        graph("transform", ins=["orders", "customers"], graph=transform),
        op("split_by_country", ins=["rows"], outs=["*country", "rejected"]),
        op("write_report", ins=["rows"], is_mapped=True, pool="warehouse"),
        op("check_report", definition="check_one", ins=["report"], is_mapped=True),
        op("send_mail", ins=["reports", "rejected"]),
        op("tidy_up", ins=["after"]),
    ]
    edges = [
        edge("load_orders.result", "transform.orders"),
        edge("load_customers.result", "transform.customers"),
        edge("transform.result", "split_by_country.rows"),
        edge("split_by_country.country", "write_report.rows"),
        edge("write_report.result", "check_report.report"),
        edge("check_report.result", "send_mail.reports", is_collected=True),
        edge("split_by_country.rejected", "send_mail.rejected"),
        edge("send_mail.result", "tidy_up.after"),
        edge("load_orders.result", "tidy_up.after"),
    ]
    return job("nightly", nodes, edges)


def shop_assets() -> list[v1.Asset]:
    """Assets of three groups, with checks, partitions, kinds, one external and one observable."""
    daily = v1.PartitionsDefinition(
        kind=v1.PartitionsDefinition.KIND_TIME_WINDOW,
        time_windows=v1.TimeWindows(cron_schedule="0 0 * * *"),
    )
    quarters = v1.PartitionsDefinition(kind=v1.PartitionsDefinition.KIND_STATIC, static_count=4)
    week = [v1.AssetDependency(key="raw/orders", partition_mapping="The last 7 days.")]
    made, seen = v1.Asset.EXECUTION_MATERIALIZATION, v1.Asset.EXECUTION_OBSERVATION
    foreign = v1.Asset.EXECUTION_EXTERNAL

    def checks(number: int) -> list[v1.AssetCheck]:
        return [v1.AssetCheck(name=f"check_{each}") for each in range(number)]

    def asset(
        key: str, group: str, execution: v1.Asset.Execution = made, **more: object
    ) -> v1.Asset:
        return v1.Asset(key=key, group=group, execution=execution, **more)  # type: ignore[arg-type]

    snow = ["dbt", "snowflake"]
    return [
        asset("clean/customers", "warehouse", kinds=snow, checks=checks(2)),
        asset(
            "clean/orders",
            "warehouse",
            kinds=snow,
            partitions=daily,
            checks=checks(3),
            dependencies=week,
        ),
        asset("dashboard", "reports", kinds=["tableau"]),
        asset("forecast", "reports", kinds=["python", "xgboost"], partitions=quarters),
        asset("raw/customers", "ingest", kinds=["python"], checks=checks(1)),
        asset(
            "raw/orders", "ingest", kinds=["s3"], partitions=daily, description="One file a day."
        ),
        asset("raw/rates", "ingest", foreign, kinds=["api"]),
        asset(
            "revenue", "warehouse", partitions=daily, description="By day and country.\nIn euro."
        ),
        asset("shop_events", "ingest", seen),
    ]


def shop() -> Diagram:
    """The diagram of these assets; one depends on itself."""
    pairs = [
        ("raw/orders", "clean/orders"),
        ("raw/customers", "clean/customers"),
        ("clean/orders", "revenue"),
        ("raw/rates", "revenue"),
        ("clean/customers", "revenue"),
        ("revenue", "dashboard"),
        ("revenue", "forecast"),
        ("forecast", "dashboard"),
        ("raw/orders", "revenue"),
        ("raw/orders", "dashboard"),
        ("revenue", "revenue"),
        ("shop_events", "forecast"),
    ]
    edges = [v1.AssetEdge(from_key=source, to_key=target) for source, target in pairs]
    return from_assets(shop_assets(), edges)


def plan() -> v1.ExecutionPlan:
    """A plan with a step that is mapped and one that collects."""

    def taken(name: str, *handles: tuple[str, str]) -> v1.StepInput:
        upstream = [v1.StepOutputHandle(step=step, output=output) for step, output in handles]
        return v1.StepInput(name=name, upstream=upstream)

    split = v1.Step(
        key="split",
        kind=v1.Step.KIND_COMPUTE,
        outputs=[v1.StepOutput(name="part", is_dynamic=True), v1.StepOutput(name="rest")],
    )
    steps = [
        split,
        v1.Step(
            key="deep.work[?]",
            kind=v1.Step.KIND_MAPPED,
            level=1,
            inputs=[taken("part", ("split", "part"))],
            outputs=[v1.StepOutput(name="result", asset_key="raw/orders")],
            upstream=["split"],
            pool="warehouse",
        ),
        v1.Step(
            key="merge",
            kind=v1.Step.KIND_COLLECT,
            level=2,
            inputs=[
                taken("parts", ("deep.work[?]", "result")),
                taken("rest", ("split", "rest")),
                taken("other", ("not_selected", "result")),
            ],
            upstream=["deep.work[?]", "split", "before"],
        ),
        v1.Step(key="before", kind=v1.Step.KIND_COMPUTE),
    ]
    return v1.ExecutionPlan(job="parts", steps=steps, levels=3, width=2)


SAMPLES: Mapping[str, Callable[[], Diagram]] = {
    "example_job": example_job,
    "nightly": lambda: from_job(nightly()),
    "shop": shop,
    "plan": lambda: from_plan(plan()),
}


def generated(nodes: int, clusters: int = 0, seed: int = 1, edges_each: float = 1.5) -> Diagram:
    """A diagram without cycles, as assets in groups often are; nested when there are many."""
    dice = random.Random(seed)
    parents = ["", *(f"c{dice.randrange(each)}" for each in range(1, clusters))]
    boxes = [Cluster(f"c{index}", f"group {index}", "group") for index in range(clusters)]
    if seed % 2:
        boxes = [
            Cluster(box.id, box.title, "graph", parent)
            for box, parent in zip(boxes, parents, strict=False)
        ]
    cards = [
        Node(
            id=f"n{index}",
            title=f"node {index} " + "x" * dice.choice((0, 3, 30)),
            kind="asset",
            subtitle=dice.choice(("", "what it is for")),
            cluster=_cluster_of(index, nodes, clusters, dice),
            badges=("dbt", "3 checks") if dice.random() < 0.4 else (),
        )
        for index in range(nodes)
    ]
    pairs: dict[tuple[int, int], None] = {}
    for index in range(1, nodes):
        for _ in range(int(dice.expovariate(1) * edges_each)):
            pairs[max(0, index - 1 - int(dice.expovariate(1 / 15))), index] = None
    lines = [
        Edge(
            f"n{source}",
            f"n{target}",
            label=dice.choice(("", "", "", "rows", "a rather long name of an input")),
            style=dice.choice(("plain", "plain", "dynamic", "collected")),
        )
        for source, target in pairs
    ]
    return Diagram(f"{nodes} nodes", tuple(cards), tuple(lines), tuple(_used(boxes, cards)))


def _cluster_of(index: int, nodes: int, clusters: int, dice: random.Random) -> str:
    """Mostly the one of its neighbours, sometimes another one, sometimes none."""
    if not clusters or dice.random() < 0.1:
        return ""
    near = index * clusters // nodes
    return f"c{near if dice.random() < 0.85 else dice.randrange(clusters)}"


def _used(boxes: Sequence[Cluster], cards: Iterable[Node]) -> list[Cluster]:
    """Those that contain a card."""
    by_id = {box.id: box for box in boxes}
    used: set[str] = set()
    for card in cards:
        cluster = card.cluster
        while cluster and cluster not in used:
            used.add(cluster)
            cluster = by_id[cluster].parent
    return [box for box in boxes if box.id in used]
