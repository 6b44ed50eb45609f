"""What a forked run or tick shares with the process it was forked from, and what it must not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from tests.differential.running import current_runs
from tests.process.conftest import Start
from tests.process.running import final_status, launch_patient, reasons
from tests.process.serving import USER_CODE, Server, skip_message, wait_until_gone
from tests.support.eventually import eventually

GOOD = (USER_CODE / "edition.py").read_text()


def start_with(
    start: Start, work: Path, lines: str = "", op: str = "", *options: str, **more: object
) -> Server:
    """A server of the good code with these lines in its module, and these in its op."""
    beginning, end = GOOD.split("defs = ")
    code = f"{beginning}{lines}\ndefs = {end}"
    code = code.replace("    context.log.info(", f"    {op or 'pass'}\n    context.log.info(")
    (work / "served.py").write_text(code)
    return start("-f", "served.py", *options, **more)


def run_to_its_end(server: Server, work: Path) -> DagsterRunStatus:
    launched = launch_patient(server, work / "release")
    (work / "release").touch()
    return final_status(launched)


def test_a_run_ends_though_what_it_started_goes_on(start: Start, work: Path) -> None:
    server = start_with(start, work, op="os.system('sleep 120 & echo $! > left_behind')")

    assert run_to_its_end(server, work) is DagsterRunStatus.SUCCESS

    eventually(lambda: not current_runs(server))
    os.kill(int((work / "left_behind").read_text()), 9)


def test_a_run_that_dies_beside_what_it_started_has_failed(start: Start, work: Path) -> None:
    op = "os.system('sleep 120 & echo $! > left_behind'); os._exit(7)"
    server = start_with(start, work, op=op)
    launched = launch_patient(server, work / "release")
    (work / "release").touch()

    assert final_status(launched) is DagsterRunStatus.FAILURE

    assert "exited with code 7" in reasons(launched)[0]
    os.kill(int((work / "left_behind").read_text()), 9)


def test_exit_handlers_of_the_module_run_in_each_run(start: Start, work: Path) -> None:
    lines = "import atexit; atexit.register(lambda: Path(f'exit-{os.getpid()}').touch())"
    server = start_with(start, work, lines)
    launched = launch_patient(server, work / "release")
    pid = server.only("run").pid

    (work / "release").touch()
    final_status(launched)

    eventually((work / f"exit-{pid}").exists)


FINALIZED = """
import weakref
class Closing:
    def __del__(self):
        Path(f"deleted-{os.getpid()}").touch()
CLOSING = Closing()
weakref.finalize(CLOSING, lambda: Path(f"finalized-{os.getpid()}").touch())
"""


@pytest.mark.parametrize(
    ("isolation", "expected"), [("fork", []), ("spawn", ["deleted", "finalized"])]
)
def test_a_run_finalizes_what_it_has_loaded_itself(
    isolation: str, expected: list[str], start: Start, work: Path
) -> None:
    """As stock's; what it was forked with is still in use where that was loaded."""
    server = start_with(start, work, FINALIZED, "", "--isolation", isolation)
    launched = launch_patient(server, work / "release")
    process = server.only("run")

    (work / "release").touch()
    assert final_status(launched) is DagsterRunStatus.SUCCESS
    wait_until_gone([process])

    found = sorted(work.glob(f"*-{process.pid}"))
    assert [path.name.partition("-")[0] for path in found] == expected


def test_what_the_module_prints_is_printed_once(start: Start, work: Path) -> None:
    env = {"PYTHONUNBUFFERED": ""}
    server = start_with(start, work, "print('printed at import')", env=env)
    assert skip_message(server, "says") == "first"
    assert run_to_its_end(server, work) is DagsterRunStatus.SUCCESS

    server.server.stop()

    assert server.server.text.count("printed at import") == 1


def test_ticks_write_one_after_another_as_those_of_one_server(start: Start, work: Path) -> None:
    code = GOOD.replace("EDITION = ", "LOG = open('ticks', 'w')\nEDITION = ")
    (work / "served.py").write_text(code.replace("(EDITION)", "(str(LOG.write('tick ')))"))
    server = start("-f", "served.py", "--worker-max-requests", "1")

    assert [skip_message(server, "says") for _ in range(3)] == ["5"] * 3

    assert (work / "ticks").read_text() == "tick " * 3


def test_a_lost_run_is_recorded_with_the_environment_of_the_code(start: Start, work: Path) -> None:
    """`dagster.yaml` may need variables that only the `.env` file beside the code has."""
    home = work / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\nstorage: {sqlite: {base_dir: {env: ONLY_IN_ENV_FILE}}}\n"
    )
    (work / ".env").write_text(f"ONLY_IN_ENV_FILE={home}\n")
    env = {"DAGSTER_HOME": str(home)}
    os.environ["ONLY_IN_ENV_FILE"] = str(home)
    try:
        server = start_with(start, work, op="os._exit(7)", env={**env, "ONLY_IN_ENV_FILE": ""})
        server.home = home
        launched = launch_patient(server, work / "release")
        (work / "release").touch()
        assert final_status(launched) is DagsterRunStatus.FAILURE
    finally:
        del os.environ["ONLY_IN_ENV_FILE"]


def test_variables_of_kubernetes_services_are_no_settings(start: Start, work: Path) -> None:
    server = start_with(start, work, env={"CODESERVER_PORT": "tcp://10.0.0.1:4000"})

    assert server.client.ping("there")["echo"] == "there"
