"""What runs and evaluators are forked from has done what opening an instance would do in each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

OPENING = """
import sys
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage import sql
from codeserver.worker.process.preparing import prepare

prepare()
before = set(sys.modules)
instance = DagsterInstance.from_ref(InstanceRef.from_dir(sys.argv[1]))
with instance:
    assert instance.get_runs_count() == 0
    assert not instance.event_log_storage.get_dynamic_partitions("colours")
    assert not instance.all_instigator_state()
    current, newest = instance.run_storage.alembic_version()
    assert current == newest, (current, newest)
    new = set(sys.modules) - before
    assert not new, new

own = sql.Config()
own.set_main_option("script_location", sys.argv[1])
assert sql.ScriptDirectory.from_config(own).dir == sys.argv[1]
"""

STORAGES = """
import sys
from codeserver.worker.process.preparing import prepare_instance

prepare_instance()
print("imported" if "storages" in sys.modules else "left alone")
"""

HOME = """
local_artifact_storage:
  module: storages
  class: Storage
"""


def run(program: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment or None,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_instance_opens_as_before_and_imports_nothing(tmp_path: Path) -> None:
    run(OPENING, str(tmp_path))


@pytest.mark.parametrize(
    ("folder", "source", "outcome"),
    [
        ("site-packages", "", "imported"),
        ("code", "", "left alone"),
        ("site-packages", "import grpc", "left alone"),
        ("site-packages", "raise SystemExit", "left alone"),
        ("site-packages", "import socket; open_for_ever = socket.socket()", "left alone"),
    ],
    ids=["installed", "of the user", "imports gRPC", "does not import", "cannot be forked"],
)
def test_what_the_storages_of_an_instance_are_made_of_is_imported_if_that_does_no_harm(
    folder: str, source: str, outcome: str, tmp_path: Path
) -> None:
    (tmp_path / "dagster.yaml").write_text(HOME)
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "storages.py").write_text(f"{source}\n")

    printed = run(STORAGES, DAGSTER_HOME=str(tmp_path), PYTHONPATH=str(tmp_path / folder))

    assert printed == outcome
