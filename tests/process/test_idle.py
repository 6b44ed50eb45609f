"""Code that nothing needs is unloaded, and the next request that does need it wakes it."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import grpc
import psutil
import pytest
from dagster import DagsterRunStatus
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_representation.external_data import SensorExecutionErrorSnap
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._serdes import serialize_value

import codeserver
from codeserver.api import v1
from codeserver.client import Client
from tests.differential import running
from tests.differential.calls import origin
from tests.differential.plain import value
from tests.process.conftest import Start
from tests.process.editing import BROKEN, CODE, WATCHED, Since, edition, logs, replace
from tests.process.running import final_status, launch_patient
from tests.process.serving import (
    LIMIT,
    Server,
    in_background,
    pid_in,
    sensor_args,
    serve,
    skip_message,
    tick,
    wait_until_gone,
)
from tests.support.eventually import eventually
from tests.support.portable import needs_linux

IDLE = ("-f", "served.py", "--idle-unload", "0.2s")
UNLOADED = "idle for 0.2 s: the code is unloaded until a request needs it"


@pytest.fixture
def file(work: Path) -> Path:
    """A file of a test that has its own server."""
    found = work / "served.py"
    found.write_text(CODE)
    return found


@pytest.fixture(scope="module")
def shared(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("idle")
    (folder / "served.py").write_text(CODE)
    with serve(home, home / "idle.sock", *IDLE, cwd=folder) as server:
        yield server


@pytest.fixture
def served(shared: Server) -> Path:
    """The file of the shared server, whose code is unloaded, and as in the beginning."""
    assert shared.server.cwd
    file = shared.server.cwd / "served.py"
    replace(file, CODE)
    assert not shared.reload()
    is_unloaded(shared)
    return file


@pytest.fixture
def log(shared: Server, served: Path) -> Since:
    return Since(shared)


@pytest.fixture
def client(shared: Server, served: Path) -> Iterator[Client]:
    """Of its typed API."""
    with codeserver.connect(f"unix:{shared.server.socket}") as client:
        yield client


def users(server: Server) -> list[psutil.Process]:
    """The processes that have the user's code."""
    return [p for role in ("host", "evaluator", "run") for p in server.processes(role)]


def is_unloaded(server: Server) -> None:
    """Wait until the code was unloaded, and no process has it."""
    logs(server, UNLOADED)
    eventually(lambda: not users(server), what="the end of the processes with the code")


def host_of(server: Server) -> psutil.Process:
    """The process that has the code now; that of the code before may still be ending."""
    return eventually(lambda: server.only("host"), what="one host")


def test_answers_go_on_when_the_code_is_unloaded(
    shared: Server, client: Client, log: Since
) -> None:
    assert skip_message(shared, "says") == "first"
    generation = client.location().generation
    told = (
        shared.client.list_repositories,
        lambda: shared.id,
        lambda: shared.client.external_repository(origin(), defer_snapshots=True),
        lambda: shared.client.external_job(origin(), "patient"),
    )
    before = [each() for each in told]
    is_unloaded(shared)
    forkserver = shared.only("forkserver")

    assert [each() for each in told] == before
    assert shared.client.health_check_query() == "SERVING"
    location = client.location()
    assert (location.state, location.generation) == (v1.Location.STATE_READY, generation)
    assert location.HasField("unloaded_at")
    assert not users(shared)

    assert skip_message(shared, "says") == "first"
    assert shared.id == before[1]
    assert shared.only("forkserver") == forkserver
    log.logs("the sensor says needs the code, which is loaded again", times=2)
    log.logs("no visible change", times=2)
    assert "loading again" not in log.text


def test_watchers_are_told(shared: Server, client: Client) -> None:
    generation = client.location().generation
    responses = client.watch()
    assert next(each for each in responses if each.location.HasField("unloaded_at"))
    waking = in_background(lambda: skip_message(shared, "says"))
    awake = next(each for each in responses if not each.location.HasField("unloaded_at"))
    assert (awake.location.generation, list(awake.changes)) == (generation + 1, [])
    assert waking.result() == "first"
    assert next(each for each in responses if each.location.HasField("unloaded_at"))
    responses.close()


def test_ticks_at_once_load_the_code_once(
    shared: Server, served: Path, client: Client, log: Since
) -> None:
    loads = client.location().loads
    go = loads_when_there_is(served, "go")
    request = pb.ExternalSensorExecutionRequest(
        serialized_external_sensor_execution_args=serialize_value(
            sensor_args(shared, "says", "", LIMIT)
        )
    )
    ticks = [
        shared.stub.SyncExternalSensorExecution.future(request, timeout=LIMIT) for _ in range(8)
    ]
    shared.stub.GetServerId(pb.Empty(), timeout=LIMIT)  # on the same connection, so they came first
    go.touch()
    replies = [value(each.result().serialized_sensor_result) for each in ticks]
    go.unlink()
    assert [each.skip_message for each in replies] == ["first"] * 8
    is_unloaded(shared)
    assert log.text.count("which is loaded again") == 1
    assert client.location().loads == loads + 1


def test_it_is_unloaded_again_and_again(shared: Server, log: Since) -> None:
    for _ in range(3):
        is_unloaded(shared)
        assert skip_message(shared, "says") == "first"
    assert log.text.count("which is loaded again") == 3
    assert shared.client.health_check_query() == "SERVING"


def test_a_run_wakes_it_and_keeps_it(shared: Server, served: Path, work: Path) -> None:
    check_a_run(shared, work)


def test_a_run_that_loads_the_code_itself_does_too(file: Path, start: Start, work: Path) -> None:
    check_a_run(start(*IDLE, "--isolation", "spawn"), work)


def check_a_run(server: Server, work: Path) -> None:
    first = launch_patient(server, work / "first")
    host = host_of(server)
    answers_without_the_code(server)
    assert host_of(server) == host
    (work / "first").touch()
    assert final_status(first) is DagsterRunStatus.SUCCESS
    is_unloaded(server)
    wait_until_gone([host])

    run = server.instance.get_run_by_id(first.run_id)
    assert run
    again = run._replace(run_id=str(uuid.uuid4()), status=DagsterRunStatus.STARTING)
    server.instance.add_run(again)
    launched = running.start(server, again.run_id, "patient")
    assert launched.reply.success, launched.reply  # type: ignore[attr-defined]
    logs(server, f"the run {again.run_id} needs the code")
    assert final_status(launched) is DagsterRunStatus.SUCCESS
    is_unloaded(server)


def answers_without_the_code(server: Server) -> None:
    """What needs no code, for longer than the limit."""
    for _ in range(500):
        assert server.id


def loads_when_there_is(file: Path, name: str) -> Path:
    """Have the code wait, when it is loaded, until there is a file of this name beside it."""
    go = file.with_name(name)
    waits = f"import time\nfrom pathlib import Path\nwhile not Path({str(go)!r}).exists():"
    replace(file, f"{waits}\n    time.sleep(0.01)\n{CODE}")
    return go


def slow_tick(server: Server, work: Path) -> Future[object]:
    """A tick that is under way, until there is a file `tick.go`."""
    ticking = in_background(lambda: tick(server, "waits", work / "tick"))
    pid_in(work / "tick")
    return ticking


def test_a_tick_that_takes_long_keeps_it(shared: Server, served: Path, work: Path) -> None:
    ticking = slow_tick(shared, work)
    host = host_of(shared)
    answers_without_the_code(shared)
    assert skip_message(shared, "says") == "first"
    assert host_of(shared) == host
    (work / "tick.go").touch()
    assert ticking.result().skip_message == "first"  # type: ignore[attr-defined]
    is_unloaded(shared)


def test_an_edit_meanwhile_is_what_wakes_up(
    shared: Server, served: Path, client: Client, log: Since
) -> None:
    before, generation = shared.id, client.location().generation
    replace(served, edition("second"))
    assert shared.id == before
    assert skip_message(shared, "says") == "second"
    assert shared.id != before
    log.logs("~1 job patient")
    assert client.location().generation == generation + 1


@needs_linux("no template elsewhere")
def test_an_edit_meanwhile_is_loaded_when_files_are_watched(file: Path, start: Start) -> None:
    server = start(*WATCHED, "--idle-unload", "0.2s")
    logs(server, "watching 1 file")
    is_unloaded(server)
    template = server.only("template")
    before = server.id
    replace(file, edition("second"))
    eventually(lambda: server.id != before, what="the edit to be served")
    is_unloaded(server)
    assert server.only("template") == template
    assert skip_message(server, "says") == "second"


def test_a_mistake_meanwhile_is_told_to_who_needs_the_code(
    shared: Server, served: Path, client: Client, log: Since, work: Path
) -> None:
    (work / "release").touch()
    launched = launch_patient(shared, work / "release")
    final_status(launched)
    is_unloaded(shared)
    listed = shared.client.list_repositories()
    replace(served, BROKEN)

    answer = tick(shared, "says")

    assert isinstance(answer, SensorExecutionErrorSnap)
    assert "the user made a mistake" in answer.error.message
    assert client.location().state == v1.Location.STATE_LOST
    assert shared.client.health_check_query() == "NOT_SERVING"
    assert shared.client.list_repositories() == listed
    # Later ones are told, too, and it is tried again, with pauses.
    assert "the user made a mistake" in tick(shared, "says").error.message  # type: ignore[attr-defined]
    reply = running.start(shared, launched.run_id, "patient").reply
    assert not reply.success  # type: ignore[attr-defined]
    assert "the user made a mistake" in reply.serializable_error_info.message  # type: ignore[attr-defined]
    log.logs("was ended on purpose; loading again in 1.0 s")
    assert "loading again in 0.0 s" not in log.text

    replace(served, edition("second"))
    eventually(lambda: shared.client.health_check_query() == "SERVING")
    assert skip_message(shared, "says") == "second"
    is_unloaded(shared)


def test_a_mistake_meanwhile_is_shown_when_errors_are(file: Path, start: Start) -> None:
    """And the server stops at once when the code is unloaded."""
    server = start(*IDLE, "--on-reload-error", "surface", "--shutdown-grace", "600")
    is_unloaded(server)
    replace(file, BROKEN)
    assert "the user made a mistake" in tick(server, "says").error.message  # type: ignore[attr-defined]
    assert server.client.health_check_query() == "SERVING"
    assert "the user made a mistake" in value(server.client.list_repositories()).to_string()
    replace(file, CODE)
    assert not server.reload()
    is_unloaded(server)
    assert skip_message(server, "says") == "first"
    is_unloaded(server)
    server.front.send_signal(signal.SIGTERM)
    assert server.wait_for_exit() == 0


def test_code_that_is_kept_because_newer_code_does_not_load_is_not_unloaded(
    shared: Server, served: Path, work: Path
) -> None:
    """It could not be had again."""
    ticking = slow_tick(shared, work)
    replace(served, BROKEN)
    assert "the user made a mistake" in shared.reload()
    host = host_of(shared)
    (work / "tick.go").touch()
    ticking.result()
    answers_without_the_code(shared)
    assert host_of(shared) == host
    assert skip_message(shared, "says") == "first"
    replace(served, edition("second"))
    assert not shared.reload()
    is_unloaded(shared)


def test_a_reload_loads_it(shared: Server, served: Path, log: Since) -> None:
    replace(served, edition("second"))
    before = shared.id
    assert not shared.reload()
    assert shared.id != before
    assert "which is loaded again" not in log.text
    assert skip_message(shared, "says") == "second"


def test_the_server_stops_while_the_code_wakes_up(file: Path, start: Start, work: Path) -> None:
    """Who waits for the code is told so."""
    server = start(*IDLE)
    is_unloaded(server)
    hanging = f"from pathlib import Path\nimport time\nPath({str(work / 'at')!r}).touch()\n"
    replace(file, hanging + "while True: time.sleep(0.01)\n")
    ticking = in_background(lambda: tick(server, "says"))
    eventually((work / "at").exists)
    server.front.send_signal(signal.SIGTERM)
    error = ticking.exception()
    assert "shut down before the code was loaded" in str(error.__cause__ or error)
    assert server.wait_for_exit() == 0


def test_a_request_waits_no_longer_than_it_may(shared: Server, served: Path) -> None:
    go = loads_when_there_is(served, "go")
    with pytest.raises(DagsterUserCodeUnreachableError) as raised:
        tick(shared, "says", deadline=1)
    cause = raised.value.__cause__
    assert isinstance(cause, grpc.RpcError)
    assert cause.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    go.touch()
    assert skip_message(shared, "says") == "first"
    go.unlink()


def test_a_forkserver_that_dies_meanwhile_is_replaced(shared: Server, log: Since) -> None:
    victim = shared.only("forkserver")
    victim.kill()
    wait_until_gone([victim])
    assert skip_message(shared, "says") == "first"
    assert "the host of generation" not in log.text
