"""A diagram of an execution plan: steps in columns by their level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from codeserver.api import v1
from codeserver.drawing.diagram import Diagram, Edge, Node, Style
from codeserver.drawing.facts import policies

_WORDS = {v1.Step.KIND_MAPPED: "for each value", v1.Step.KIND_COLLECT: "collects"}


def from_plan(plan: v1.ExecutionPlan) -> Diagram:
    """The diagram of the steps of a run."""
    steps = {step.key: step for step in plan.steps}
    return Diagram(
        title=plan.job,
        nodes=tuple(_card(step) for step in steps.values()),
        edges=tuple(dict.fromkeys(edge for step in steps.values() for edge in _edges(step, steps))),
    )


def _card(step: v1.Step) -> Node:
    badges = [_WORDS[step.kind]] if step.kind in _WORDS else []
    badges.extend(policies(step.pool, step.retry_policy))
    assets = [output.asset_key for output in step.outputs if output.asset_key]
    names = ", ".join(assets)
    return Node(
        id=step.key,
        title=step.key,
        kind="step",
        subtitle="" if names == step.key else names,
        badges=tuple(badges),
        is_mapped=step.kind == v1.Step.KIND_MAPPED,
        level=step.level,
    )


def _edges(step: v1.Step, steps: Mapping[str, v1.Step]) -> Iterator[Edge]:
    """One line for each step that this one waits for, with or without a value."""
    handles = [handle for each in step.inputs for handle in each.upstream]
    for key in dict.fromkeys((*(handle.step for handle in handles), *step.upstream)):
        if key not in steps:
            continue
        outputs = [handle.output for handle in handles if handle.step == key]
        yield Edge(key, step.key, style=_style(step, steps[key], outputs))


def _style(step: v1.Step, upstream: v1.Step, outputs: list[str]) -> Style:
    if any(output.is_dynamic and output.name in outputs for output in upstream.outputs):
        return "collected" if step.kind == v1.Step.KIND_COLLECT else "dynamic"
    if step.kind == v1.Step.KIND_COLLECT and upstream.kind == v1.Step.KIND_MAPPED:
        return "collected"
    return "plain"
