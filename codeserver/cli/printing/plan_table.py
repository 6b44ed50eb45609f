"""An execution plan as a table: a row for each step, level by level."""

from __future__ import annotations

from codeserver.api import v1
from codeserver.cli.printing.tables import Column, Table
from codeserver.cli.printing.words import duration, seconds_of

_SOURCES = {
    v1.StepInput.SOURCE_RUN_CONFIG: "run config",
    v1.StepInput.SOURCE_DEFAULT_VALUE: "default",
    v1.StepInput.SOURCE_LOADED: "loaded",
}

_BACKOFFS = {
    v1.RetryPolicy.BACKOFF_LINEAR: "linear",
    v1.RetryPolicy.BACKOFF_EXPONENTIAL: "exponential",
}


def plan_table(plan: v1.ExecutionPlan) -> Table:
    """The steps, each with the steps that it waits for and its inputs."""
    steps = sorted(plan.steps, key=lambda step: step.level)  # stable: a level keeps plan order
    return Table.of(
        steps,
        {
            Column("Step", "bold"): lambda step: step.key,
            Column("Level", "cyan", is_number=True): lambda step: str(step.level + 1),
            Column("After"): lambda step: ", ".join(step.upstream),
            Column("Inputs", "dim"): lambda step: ", ".join(map(_input, step.inputs)),
            Column("Retries"): _retries,
            Column("Pool"): lambda step: step.pool,
            Column("Resources", "dim"): lambda step: ", ".join(step.resources),
        },
    )


def _input(its_input: v1.StepInput) -> str:
    """An input and its source, such as `word: load.result`."""
    sources = [f"{handle.step}.{handle.output}" for handle in its_input.upstream]
    source = " + ".join(sources) or _SOURCES.get(its_input.source, "")
    return f"{its_input.name}: {source}" if source else its_input.name


def _retries(step: v1.Step) -> str:
    """The number of retries and their delay, such as `3 after 10 s, exponential`."""
    if not step.HasField("retry_policy"):
        return ""
    policy = step.retry_policy
    parts = [f"{policy.max_retries}"]
    if policy.HasField("delay"):
        seconds = seconds_of(policy.delay)
        parts[0] += f" after {duration(int(seconds) if seconds == int(seconds) else seconds)}"
    if policy.backoff in _BACKOFFS:
        parts.append(_BACKOFFS[policy.backoff])
    if policy.jitter:
        parts.append("jitter")
    return ", ".join(parts)
