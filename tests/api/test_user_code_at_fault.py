"""Functions of the user that raise, hang, crash, or are asked too often."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from codeserver.api import v1
from tests.api.calling import LIMIT, Api, failure_of, file_of
from tests.api.conftest import Serve
from tests.support.eventually import eventually

Code = grpc.StatusCode

PARTITIONS, PLAN = "ListPartitions", "GetExecutionPlan"


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each function that hangs puts a file when it is called."""
    return tmp_path_factory.mktemp("begun")


@pytest.fixture(scope="module")
def crashing(serve: Serve, begun: Path) -> Api:
    options = ("--max-workers", "4", "--max-queue", "4")
    api = serve("crashing", *options, env={"HANGS": str(begun)})
    api.call("ListJobs")
    return api


def fields_of(rpc: str, function: str) -> dict[str, str]:
    if rpc == PARTITIONS:
        return {"job": f"partitions_{function}"}
    return {"job": f"config_{function}", "partition_key": "a"}


def is_well(api: Api) -> bool:
    assert list(api.call(PARTITIONS, job="well").keys) == ["a"]
    assert api.call(PLAN, job="well").plan.steps
    assert api.location.state == v1.Location.STATE_READY
    return True


@pytest.mark.parametrize("rpc", [PARTITIONS, PLAN])
@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("exits", "code 7"),
        ("segfaults", "SIGSEGV"),
        ("kills_itself", "SIGKILL"),
    ],
)
def test_a_crash_is_the_error_of_its_call(
    crashing: Api, rpc: str, function: str, says: str
) -> None:
    crashes = crashing.location.work.crashed

    failure = crashing.failure(rpc, **fields_of(rpc, function))

    assert failure.code is Code.INTERNAL
    assert says in failure.message
    assert "\n" not in failure.message
    if function == "segfaults":
        # Python itself says where, on standard error.
        assert "segfaults" in failure.only(v1.LoadError).text
    else:
        assert not failure.details  # it could not tell why
    assert crashing.location.work.crashed == crashes + 1
    assert is_well(crashing)


@pytest.mark.parametrize("rpc", [PARTITIONS, PLAN])
def test_what_raises_tells_why(crashing: Api, rpc: str) -> None:
    failure = crashing.failure(rpc, **fields_of(rpc, "raises"))

    assert failure.code is Code.INTERNAL
    assert "the catalogue is closed" in failure.message
    assert "\n" not in failure.message
    errors = list(chain_of(failure.only(v1.LoadError)))
    assert "LookupError" in [error.type for error in errors]
    assert "KeyError" in [error.type for error in errors]
    frames = [frame for error in errors for frame in error.frames]
    assert any(frame.function == "raises" for frame in frames)
    assert not any("codeserver/worker" in frame.file for frame in frames)
    assert is_well(crashing)


def chain_of(error: v1.LoadError) -> Iterator[v1.LoadError]:
    yield error
    for name in ("cause", "context"):
        if error.HasField(name):
            yield from chain_of(getattr(error, name))


@pytest.mark.parametrize("rpc", [PARTITIONS, PLAN])
def test_an_exit_is_no_end_of_the_server(crashing: Api, rpc: str) -> None:
    failure = crashing.failure(rpc, **fields_of(rpc, "sys_exits"))

    assert failure.code is Code.INTERNAL
    assert is_well(crashing)


def test_a_config_mapping_that_raises(crashing: Api) -> None:
    failure = crashing.failure(PLAN, job="mapping_raises")

    assert failure.code is Code.INTERNAL
    errors = list(chain_of(failure.only(v1.LoadError)))
    assert any("does not add up" in error.message for error in errors)
    # Nothing is called for what does not need it.
    assert crashing.call("GetJob", name="mapping_raises").graph.nodes
    assert crashing.call("GetRunConfigSchema", job="mapping_raises").default_yaml is not None


@pytest.mark.parametrize("function", ["raises", "hangs", "exits"])
def test_describing_a_job_calls_nothing_of_the_user(crashing: Api, function: str) -> None:
    for job in (f"partitions_{function}", f"config_{function}"):
        reply = crashing.call("GetJob", name=job)
        assert reply.job.HasField("partitions")
        assert crashing.call("GetRunConfigSchema", job=job).json_schema.fields


@pytest.mark.parametrize("rpc", [PARTITIONS, PLAN])
def test_what_hangs_is_ended_at_the_deadline(crashing: Api, begun: Path, rpc: str) -> None:
    for seconds in (1.5, 15, 50):  # until there was time to call the function at all
        calls, ended = len(list(begun.iterdir())), crashing.location.work.ended
        failure = crashing.failure(rpc, timeout=seconds, **fields_of(rpc, "hangs"))
        assert failure.code is Code.DEADLINE_EXCEEDED
        eventually(lambda: crashing.location.work.running == 0, what="a free evaluator")
        if len(list(begun.iterdir())) > calls:
            break

    assert len(list(begun.iterdir())) == calls + 1
    assert crashing.location.work.ended == ended + 1
    assert is_well(crashing)


def test_the_servers_own_deadline_counts_when_there_is_no_other(start: Serve) -> None:
    api = start(file_of("crashing"), "--default-timeout", "0.5")
    request = v1.ListPartitionsRequest(job="partitions_hangs")

    with pytest.raises(grpc.RpcError) as raised:
        api.stub.ListPartitions(request)

    assert raised.value.code() is Code.DEADLINE_EXCEEDED
    assert "partitions_hangs" in raised.value.details()


def call_that_hangs(api: Api, job: str = "partitions_hangs") -> Any:
    request = v1.ListPartitionsRequest(job=job)
    return api.stub.ListPartitions.future(request, timeout=10 * LIMIT)


def test_more_than_can_wait_is_refused_and_the_rest_is_answered(crashing: Api, begun: Path) -> None:
    before = len(list(begun.iterdir()))
    # Half of the evaluators and half of the queue are for one job.
    calls = [call_that_hangs(crashing) for _ in range(4)]
    eventually(lambda: len(list(begun.iterdir())) == before + 2, what="two that hang")
    eventually(lambda: crashing.location.work.queued == 2, what="two that wait")

    refused = failure_of(call_that_hangs(crashing).exception(LIMIT))

    assert refused.code is Code.RESOURCE_EXHAUSTED
    assert "partitions_hangs" in refused.message
    work = crashing.location.work
    (subject,) = work.subjects
    assert "partitions_hangs" in subject.name
    assert (subject.running, subject.queued) == (2, 2)
    assert (work.running, work.queued) == (2, 2)
    assert work.refused >= 1
    # Others are answered meanwhile.
    assert is_well(crashing)
    assert crashing.call("ListJobs").jobs
    assert crashing.failure("GetJob", name="no_such").code is Code.NOT_FOUND
    assert crashing.failure(PARTITIONS, job="no_such").code is Code.NOT_FOUND
    assert not any(call.done() for call in calls)

    for call in calls:
        call.cancel()
    eventually(lambda: crashing.location.work.running == 0, what="free evaluators")
    assert is_well(crashing)
