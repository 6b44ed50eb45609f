"""Code that counts on one process, as stock has: for a socket taken at import, and for a memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.differential import calls
from tests.differential.cases import Case, check, table
from tests.differential.sides import Pair, Side, serving

ENVIRONMENTS = {
    "holds a socket": {"HOLDS": "1"},
    "evaluators one": {"CODESERVER_EVALUATORS": "one", "CODESERVER_WORKER_MAX_REQUESTS": "2"},
}


@pytest.fixture(scope="module", params=ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def counting(work: Path, request: pytest.FixtureRequest) -> Iterator[Pair]:
    env: Mapping[str, str] = request.param
    folder = work / str(len(env))
    folder.mkdir()
    with serving(["-f", "one_process.py"], folder, env=env) as pair:
        yield pair


def _count(side: Side) -> int:
    answer = calls.sensor("counter").make(side)
    assert hasattr(answer, "skip_message"), answer
    return int(answer.skip_message)


def test_every_tick_works_and_remembers_the_ones_before(counting: Pair) -> None:
    for side in counting:
        assert [_count(side) for _ in range(4)] == [1, 2, 3, 4]
    # Of ours only: the threads of stock get in each other's way.
    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(_count, [counting.ours] * 8)) == [*range(5, 13)]


@table(
    [
        Case("names", calls.partition_names("partitioned"), expect='"a"'),
        Case("tags", calls.partition("ExternalPartitionTags", "partitioned", "a"), expect="a"),
        Case("plan", calls.plan("partitioned"), expect="nothing"),
        Case("subset", calls.subset("partitioned", ops=["nothing"]), expect="nothing"),
    ]
)
def test_what_else_needs_the_code(counting: Pair, case: Case) -> None:
    check(case, counting)
