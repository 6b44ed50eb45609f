"""What a forked run or tick shares with the process it was forked from, and what it must not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from tests.differential.running import current_runs
from tests.process.conftest import Load, Start
from tests.process.running import final_status, launch_patient, reasons
from tests.process.serving import USER_CODE, Server, skip_message, wait_until_gone
from tests.support.eventually import eventually
from tests.support.portable import FORKED

pytestmark = FORKED

GOOD = (USER_CODE / "edition.py").read_text()


def good_with(lines: str = "", op: str = "") -> str:
    """The good code with these lines in its module, and these in its op."""
    beginning, end = GOOD.split("defs = ")
    code = f"{beginning}{lines}\ndefs = {end}"
    return code.replace("    context.log.info(", f"    {op or 'pass'}\n    context.log.info(")


def run_to_its_end(server: Server, work: Path) -> DagsterRunStatus:
    launched = launch_patient(server, work / "release")
    (work / "release").touch()
    return final_status(launched)


def test_a_run_ends_though_what_it_started_goes_on(load: Load, work: Path) -> None:
    server = load(good_with(op="os.system('sleep 120 & echo $! > left_behind')"))

    assert run_to_its_end(server, work) is DagsterRunStatus.SUCCESS

    eventually(lambda: not current_runs(server))
    os.kill(int((server.folder / "left_behind").read_text()), 9)


def test_a_run_that_dies_beside_what_it_started_has_failed(load: Load, work: Path) -> None:
    op = "os.system('sleep 120 & echo $! > left_behind'); os._exit(7)"
    server = load(good_with(op=op))
    launched = launch_patient(server, work / "release")
    (work / "release").touch()

    assert final_status(launched) is DagsterRunStatus.FAILURE

    assert "exited with code 7" in reasons(launched)[0]
    os.kill(int((server.folder / "left_behind").read_text()), 9)


def test_exit_handlers_of_the_module_run_in_each_run(load: Load, work: Path) -> None:
    lines = "import atexit; atexit.register(lambda: Path(f'exit-{os.getpid()}').touch())"
    server = load(good_with(lines))
    launched = launch_patient(server, work / "release")
    pid = server.only("run").pid

    (work / "release").touch()
    final_status(launched)

    eventually((server.folder / f"exit-{pid}").exists)


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
    isolation: str, expected: list[str], load: Load, work: Path
) -> None:
    """As stock's; what it was forked with is still in use where that was loaded."""
    server = load(good_with(FINALIZED), *(["--isolation", isolation] if expected else []))
    launched = launch_patient(server, work / "release")
    process = server.only("run")

    (work / "release").touch()
    assert final_status(launched) is DagsterRunStatus.SUCCESS
    wait_until_gone([process])

    found = sorted(server.folder.glob(f"*-{process.pid}"))
    assert [path.name.partition("-")[0] for path in found] == expected


def test_what_the_module_prints_is_printed_once(start: Start, work: Path) -> None:
    # Kubernetes names a port of a service of this name like a setting, which it is not.
    env = {"PYTHONUNBUFFERED": "", "CODESERVER_PORT": "tcp://10.0.0.1:4000"}
    (work / "served.py").write_text(good_with("print('printed at import')"))
    server = start("-f", "served.py", env=env)
    assert skip_message(server, "says") == "first"
    assert run_to_its_end(server, work) is DagsterRunStatus.SUCCESS

    server.server.stop()

    assert server.server.text.count("printed at import") == 1


def test_ticks_write_one_after_another_as_those_of_one_server(start: Start, work: Path) -> None:
    """Each of them in another process."""
    code = GOOD.replace("EDITION = ", "LOG = open('ticks', 'w')\nEDITION = ")
    tick = "(LOG.write(f'{os.getpid()} ') and str(os.getpid()))"
    (work / "served.py").write_text(code.replace("(EDITION)", tick))
    server = start("-f", "served.py", "--worker-max-requests", "1")

    said = [skip_message(server, "says") for _ in range(3)]

    assert len({*said}) == 3
    assert (work / "ticks").read_text() == "".join(f"{pid} " for pid in said)


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
        (work / "served.py").write_text(good_with(op="os._exit(7)"))
        server = start("-f", "served.py", env={**env, "ONLY_IN_ENV_FILE": ""})
        server.home = home
        launched = launch_patient(server, work / "release")
        (work / "release").touch()
        assert final_status(launched) is DagsterRunStatus.FAILURE
    finally:
        del os.environ["ONLY_IN_ENV_FILE"]
