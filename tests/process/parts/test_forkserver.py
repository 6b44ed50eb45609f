"""The process that everything is forked from, at the end of the server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codeserver.supervisor.processes import patience
from codeserver.supervisor.processes.forkserver import ForkServers, Spawning
from codeserver.supervisor.processes.output import Outputs
from codeserver.supervisor.processes.tasks import Tasks
from tests.unit.waiting import soon


async def test_one_that_imports_dagster_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "go")
    (tmp_path / "dagster.py").write_text(f"open({str(tmp_path / 'go')!r})")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(patience, "FORKSERVER_GRACE", 3600.0)
    tasks, outputs = Tasks(), Outputs()
    forkservers = ForkServers(Spawning(), outputs, tasks)
    living = forkservers.living()

    await soon(forkservers.close())

    assert living.ended.result() == -9
    await tasks.close()
    outputs.close()
