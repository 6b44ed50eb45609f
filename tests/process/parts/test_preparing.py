"""What runs and evaluators are forked from has done what opening an instance would do in each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.portable import needs_linux

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
import json, os, sys
from codeserver.worker.process.preparing import prepare_instance

outcomes = []
for home, folder in json.loads(sys.argv[1]):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.environ["DAGSTER_HOME"] = home
        sys.path.insert(0, folder)
        prepare_instance()
        os.write(writer, b"imported" if "storages" in sys.modules else b"left alone")
        os._exit(0)
    os.close(writer)
    with open(reader) as outcome:
        outcomes.append(outcome.read())
    os.waitpid(pid, 0)
print(json.dumps(outcomes))
"""
"""Each case is a fork of one process, which has imported Dagster for all."""

HOME = """
local_artifact_storage:
  module: storages
  class: Storage
"""


def run(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_instance_opens_as_before_and_imports_nothing(tmp_path: Path) -> None:
    run(OPENING, str(tmp_path))


CASES = {
    "installed": ("site-packages", "", "imported"),
    "of the user": ("code", "", "left alone"),
    "imports gRPC": ("site-packages", "import grpc", "left alone"),
    "does not import": ("site-packages", "raise SystemExit", "left alone"),
    "cannot be forked": (
        "site-packages",
        "import socket; open_for_ever = socket.socket()",
        "left alone",
    ),
}


@needs_linux("the audit needs Linux")
def test_what_the_storages_of_an_instance_are_made_of_is_imported_if_that_does_no_harm(
    tmp_path: Path,
) -> None:
    places = []
    for name, (folder, source, _) in CASES.items():
        home = tmp_path / name
        (home / folder).mkdir(parents=True)
        (home / "dagster.yaml").write_text(HOME)
        (home / folder / "storages.py").write_text(f"{source}\n")
        places.append((str(home), str(home / folder)))

    outcomes = json.loads(run(STORAGES, json.dumps(places)))

    expected = {name: outcome for name, (_, _, outcome) in CASES.items()}
    assert dict(zip(CASES, outcomes, strict=True)) == expected
