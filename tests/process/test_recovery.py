"""The process with the code dies and cannot be had again: that is said, and tried again."""

from __future__ import annotations

from pathlib import Path

from dagster import DagsterRunStatus
from dagster._core.remote_representation.external_data import SensorExecutionErrorSnap

from tests.differential.plain import value
from tests.process.conftest import Start
from tests.process.editing import CODE, Since, logs
from tests.process.running import final_status, launch_patient
from tests.process.serving import Server, skip_message, tick, wait_until_gone
from tests.support.eventually import eventually
from tests.support.portable import FORKED


@FORKED
def test_code_that_is_lost_until_it_is_back(start: Start, work: Path) -> None:
    file = work / "served.py"
    file.write_text(CODE)
    server = start("-f", "served.py")
    assert skip_message(server, "says") == "first"
    listed = server.client.list_repositories()
    file.write_text("raise RuntimeError('broken meanwhile')")

    server.only("host").kill()

    eventually(lambda: server.client.health_check_query() == "NOT_SERVING")
    logs(server, "broken meanwhile")
    # What needs no user code is answered all the same.
    assert server.client.list_repositories() == listed
    assert server.id
    answer = tick(server, "says")
    assert isinstance(answer, SensorExecutionErrorSnap)
    assert "has ended" in answer.error.message

    file.write_text(CODE.replace('"first"', '"second"'))
    eventually(lambda: server.client.health_check_query() == "SERVING")
    assert skip_message(server, "says") == "second"

    for role in ("host", "forkserver"):
        requests_wait_while_the_code_is_loaded_again(server, role, work / f"release {role}")


def requests_wait_while_the_code_is_loaded_again(server: Server, role: str, release: Path) -> None:
    victim, log = server.only(role), Since(server)

    victim.kill()
    wait_until_gone([victim])
    log.logs("loading again")

    launched = launch_patient(server, release)
    release.touch()
    assert skip_message(server, "says") == "second"
    assert final_status(launched) is DagsterRunStatus.SUCCESS


@FORKED
def test_code_that_crashes_when_it_is_loaded_again(start: Start, work: Path) -> None:
    """With `surface`, clients are shown why; there is no end of tries in either case."""
    file = work / "served.py"
    file.write_text(CODE)
    server = start("-f", "served.py", "--on-reload-error", "surface")
    assert skip_message(server, "says") == "first"
    file.write_text("import os; os._exit(9)")

    server.only("host").kill()

    error = eventually(lambda: getattr(value(server.client.list_repositories()), "message", None))
    assert "exited with code 9" in error
    assert server.client.health_check_query() == "SERVING"
    file.write_text(CODE)
    assert not server.reload()
    assert skip_message(server, "says") == "first"
