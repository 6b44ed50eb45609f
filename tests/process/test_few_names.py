"""A Python without `os.waitid` and what else one for macOS lacks before 3.13."""

from __future__ import annotations

import os
from pathlib import Path

from dagster import DagsterRunStatus

from tests.differential.running import launch
from tests.process.conftest import Start
from tests.process.running import final_status
from tests.process.serving import USER_CODE, skip_message

MISSING = {
    "os": ["waitid", "P_ALL", "P_PID", "P_PGID", "WEXITED", "WNOWAIT", "WSTOPPED", "pidfd_open"],
    "signal": ["SIGRTMIN", "SIGRTMAX", "pidfd_send_signal"],
}
TAKE_AWAY = f"""
from importlib import import_module

for module, names in {MISSING!r}.items():
    for name in names:
        vars(import_module(module)).pop(name, None)
"""


def test_code_is_served_and_runs_end(start: Start, work: Path) -> None:
    (work / "sitecustomize.py").write_text(TAKE_AWAY)
    path = os.pathsep.join(filter(None, (str(work), os.environ.get("PYTHONPATH"))))
    server = start("-f", str(USER_CODE / "repo.py"), env={"PYTHONPATH": path})
    assert skip_message(server).startswith("pid ")
    assert not server.reload()
    assert final_status(launch(server, "short")) is DagsterRunStatus.SUCCESS
