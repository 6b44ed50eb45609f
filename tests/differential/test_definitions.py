"""Repository and job snapshots, execution plans and subsets."""

from __future__ import annotations

from tests.differential import calls
from tests.differential.cases import Case, check, table
from tests.differential.sides import Pair

JOBS = [
    *("__ASSET_JOB", "__anonymous_asset_job_schedule_raises", "arithmetic", "coloured", "dated"),
    *("exits", "for_customers", "greets", "halves_job", "in_processes", "killed", "names_fail"),
    *("nested", "per_day_job", "raises", "raw_job", "tags_fail", "waits"),
]
CONFIG = {"ops": {"add": {"config": {"amount": 5}}}}
BAD_CONFIG = {"ops": {"add": {"config": {"amount": "many"}}}, "nope": 1}


@table(
    [
        Case("full", calls.repository(), expect='"__class__": "ExternalRepositoryData"'),
        Case(
            "deferred",
            calls.repository(defer_snapshots=True),
            expect='"__class__": "ExternalJobRef"',
        ),
        Case("full", calls.repository_stream(), expect='"sequence_numbers": [0]'),
        Case(
            "deferred",
            calls.repository_stream(defer_snapshots=True),
            expect='"__class__": "ExternalJobRef"',
        ),
    ]
)
def test_repository(case: Case, pair: Pair) -> None:
    check(case, pair)


@table(
    [
        *(Case(name, calls.job(name), expect=f'"name": "{name}"') for name in JOBS),
        Case("unknown", calls.job("nope"), expect="Could not find job 'nope'"),
        Case("empty name", calls.job(""), expect="Could not find job ''"),
    ]
)
def test_job(case: Case, pair: Pair) -> None:
    check(case, pair)


@table(
    [
        Case("whole job", calls.plan("arithmetic"), expect='"key": "show"'),
        Case("run config", calls.plan("arithmetic", run_config=CONFIG), expect='"key": "show"'),
        Case("op selection", calls.plan("arithmetic", ops=["one"]), expect='["one"]'),
        Case("op query", calls.plan("arithmetic", ops=["*add"]), expect='["one", "add"]'),
        Case("nothing selected", calls.plan("arithmetic", ops=[]), expect="ExecutionPlanSnapshot"),
        Case("op in a graph", calls.plan("nested", ops=["inner.add"]), expect="Missing required"),
        Case("graph", calls.plan("nested", steps=["inner.add"]), expect='["inner.add"]'),
        Case("step keys", calls.plan("arithmetic", steps=["one", "add"]), expect='["one", "add"]'),
        Case("unknown step", calls.plan("arithmetic", steps=["nope"]), expect="nope"),
        Case("asset job", calls.plan("raw_job"), expect="ExecutionPlanSnapshot"),
        Case("asset selection", calls.plan("raw_job", assets=["source"]), expect='["source"]'),
        Case("unknown asset", calls.plan("raw_job", assets=["nope"]), expect="nope"),
        Case("implicit job", calls.plan("__ASSET_JOB", assets=["left"]), expect='["halves"]'),
        Case("unknown job", calls.plan("nope"), expect="Could not find job 'nope'"),
        Case("unknown op", calls.plan("arithmetic", ops=["nope"]), expect="No qualified ops"),
        Case(
            "invalid run config",
            calls.plan("arithmetic", run_config=BAD_CONFIG),
            expect="Error in config for job arithmetic",
        ),
    ]
)
def test_plan(case: Case, pair: Pair) -> None:
    check(case, pair)


@table(
    [
        Case("ops", calls.subset("arithmetic", ops=["one"]), expect='"success": true'),
        Case(
            "without parent",
            calls.subset("arithmetic", ops=["one"], parent=False),
            expect='"parent_pipeline_snapshot": null',
        ),
        Case("nothing selected", calls.subset("arithmetic"), expect='"success": true'),
        Case("assets", calls.subset("raw_job", assets=["source"]), expect='"success": true'),
        Case("part of a multi-asset", calls.subset("halves_job", assets=["left"]), expect="left"),
        Case("unknown op", calls.subset("arithmetic", ops=["nope"]), expect="No qualified ops"),
        Case("unknown asset", calls.subset("raw_job", assets=["nope"]), expect="nope"),
        Case("unknown job", calls.subset("nope", ops=["one"]), expect="Could not find job 'nope'"),
        Case("ops of an asset job", calls.subset("raw_job", ops=["source"]), expect="source"),
    ]
)
def test_subset(case: Case, pair: Pair) -> None:
    check(case, pair)
