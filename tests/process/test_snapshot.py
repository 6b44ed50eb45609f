"""A snapshot of the code is served while the code is loaded, if it is one of that code."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterRunStatus
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.types import ListRepositoriesResponse
from dagster._serdes import deserialize_value

from codeserver.snapshot import file
from tests.differential.calls import origin
from tests.process.conftest import Start
from tests.process.editing import BROKEN, edition_by, logs, replace, says
from tests.process.running import final_status, launch_patient
from tests.process.serving import Ended, Server, in_background, run, tick
from tests.support.dagster_names import SerializableErrorInfo
from tests.support.eventually import eventually
from tests.support.in_process import invoke

CODE = edition_by("""
import helper
EDITION = os.environ.get("EDITION", "first")
gate = os.environ.get("GATE")
while gate and not os.path.exists(gate):
    time.sleep(0.01)
if os.environ.get("FAILS"):
    raise RuntimeError("the database is not there")
""")
CODESERVER = (sys.executable, "-m", "codeserver")
TARGET = ("-f", "served.py")
OF_THIS_SERVER = (
    *("--container-image", "shop:1", "--container-context", '{"k8s": {"namespace": "a"}}'),
    "--use-python-environment-entry-point",
)


@pytest.fixture(scope="module")
def taken() -> Iterator[tuple[Path, bytes]]:
    """A folder with the code, and a snapshot of it; taking it once is enough."""
    folder = Path(tempfile.mkdtemp(prefix="proc-"))
    write_code(folder)
    assert take(folder).code == 0
    yield folder, (folder / "location.snap").read_bytes()
    shutil.rmtree(folder)


@pytest.fixture
def code(taken: tuple[Path, bytes]) -> Path:
    """That folder as it was."""
    folder, snapshot = taken
    write_code(folder)
    (folder / "location.snap").write_bytes(snapshot)
    return folder


def write_code(folder: Path) -> None:
    (folder / "served.py").write_text(CODE)
    (folder / "helper.py").write_text("")


@pytest.fixture
def gate(work: Path) -> Iterator[Path]:
    """The code finishes loading when this is there."""
    path = work / "gate"
    yield path
    path.touch()


def take(code: Path, *options: str) -> Ended:
    return run(*CODESERVER, "snapshot", *TARGET, *options, cwd=code)


def serve(start: Start, code: Path, *options: str, **env: str) -> Server:
    return start(*TARGET, "--snapshot", "location.snap", *options, cwd=code, env=env)


def test_a_check_is_of_the_code_and_not_of_a_snapshot(code: Path) -> None:
    failed = invoke("check", *TARGET, cwd=code, CODESERVER_SNAPSHOT="location.snap", FAILS="1")
    assert failed.code == 1
    assert "RuntimeError: the database is not there" in failed.err


def test_it_is_served_while_the_code_is_loaded(start: Start, code: Path, gate: Path) -> None:
    server = serve(start, code, *OF_THIS_SERVER, GATE=str(gate))
    before = told(server)

    # Nobody knows the image while it is built.
    listed = deserialize_value(server.client.list_repositories(), ListRepositoriesResponse)
    assert listed.container_image == "shop:1"
    assert server.client.health_check_query() == "SERVING"
    waiting = in_background(lambda: says(server))
    run_waiting = in_background(lambda: launch_patient(server, gate))
    with pytest.raises(DagsterUserCodeUnreachableError):  # under its own deadline
        tick(server, "says", deadline=1)
    assert not waiting.done()
    assert not run_waiting.done()
    assert "load #1" not in server.server.text

    gate.touch()

    assert waiting.result() == "first"
    assert final_status(run_waiting.result()) is DagsterRunStatus.SUCCESS
    logs(server, "as in its snapshot")
    assert told(server) == before
    without = start(*TARGET, *OF_THIS_SERVER, cwd=code)
    assert told(without) == before, "replicas with and without snapshot are alike"


def told(server: Server) -> list[object]:
    """What clients are told."""
    job = server.client.external_job(origin(), "patient").serialized_job_data
    repository = server.client.external_repository(origin(), defer_snapshots=True)
    return [server.id, server.client.list_repositories(), repository, job]


def test_the_code_wins(start: Start, code: Path, gate: Path) -> None:
    """Here a variable decides what it defines, which no fingerprint knows."""
    server = serve(start, code, GATE=str(gate), EDITION="second")
    before = told(server)

    gate.touch()

    assert says(server) == "second"
    logs(server, "load #1 ")
    logs(server, "~1 job patient")
    assert told(server)[0] != before[0]
    assert told(server)[3] != before[3]


@pytest.mark.parametrize(
    ("options", "status"), [((), "SERVING"), (("--on-load-error", "exit"), "exited")]
)
def test_the_code_does_not_load(
    start: Start, code: Path, gate: Path, options: tuple[str, ...], status: str
) -> None:
    """As without a snapshot, which would promise jobs that cannot run."""
    server = serve(start, code, *options, GATE=str(gate), FAILS="1")
    assert told(server)

    gate.touch()

    if status == "exited":
        assert server.wait_for_exit() == 1
    else:
        error = eventually(lambda: load_error(server), what="the error to be served")
        assert "the database is not there" in error
        assert server.client.health_check_query() == "SERVING"
    logs(server, "the database is not there")


def load_error(server: Server) -> str:
    answer = deserialize_value(server.client.list_repositories())
    return answer.to_string() if isinstance(answer, SerializableErrorInfo) else ""


def test_another_one_is_not_used(start: Start, code: Path) -> None:
    """What makes it another one, is in the unit tests of fingerprints."""
    (code / "served.py").write_text(CODE.replace('"first"', '"edited"'))

    server = serve(start, code)

    logs(server, "the snapshot location.snap is not used: served.py has changed")
    assert says(server) == "edited"


def test_what_the_command_says(code: Path) -> None:
    before = content(code)
    ended = take(code, "--json")
    assert ended.code == 0, ended.output
    assert content(code) == before, "it is the same each time"
    said = json.loads(ended.output)
    assert said["counts"] == {"jobs": 1, "assets": 0, "schedules": 0, "sensors": 2}
    assert said["files"] == 3  # the .env that is not there, too
    assert said["bytes"] == (code / said["file"]).stat().st_size

    (code / "served.py").write_text(BROKEN)
    failed = invoke("snapshot", *TARGET, "-o", "other.snap", cwd=code)
    assert failed.code == 1
    assert "Error: served.py does not load:" in failed.err
    assert "the user made a mistake" in failed.err
    assert not (code / "other.snap").exists()

    (code / "served.py").write_text(CODE)
    failed = invoke("snapshot", *TARGET, "-o", "nowhere/location.snap", cwd=code)
    assert failed.code == 1
    assert "nowhere/location.snap cannot be written: No such file or directory." in failed.err
    assert [each.name for each in code.glob("*.snap")] == ["location.snap"]


def content(code: Path) -> object:
    """What the snapshot says, but its time."""
    message = file.read(str(code / "location.snap"))
    message.ClearField("created_at")
    return message


@pytest.mark.parametrize("isolation", ["fork", "spawn"])
def test_files_are_watched_meanwhile(start: Start, code: Path, gate: Path, isolation: str) -> None:
    """An edit that comes before the code is loaded is served as soon as there is any."""
    server = serve(start, code, "--watch", "--isolation", isolation, GATE=str(gate))
    assert told(server)
    replace(code / "served.py", CODE.replace('"first"', '"edited"'))
    gate.touch()
    eventually(lambda: says(server) == "edited", what="the edit")
