"""What runs are forked from has done what opening an instance would do in each of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage import sql
from codeserver.worker.preparing import prepare

prepare()
before = set(sys.modules)
instance = DagsterInstance.from_ref(InstanceRef.from_dir(sys.argv[1]))
with instance:
    assert instance.get_runs_count() == 0
    current, newest = instance.run_storage.alembic_version()
    assert current == newest, (current, newest)
    new = {name.partition(".")[0] for name in set(sys.modules) - before}
    assert new <= {"dagster"}, new

own = sql.Config()
own.set_main_option("script_location", sys.argv[1])
assert sql.ScriptDirectory.from_config(own).dir == sys.argv[1]
"""


def test_an_instance_opens_as_before_and_imports_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
