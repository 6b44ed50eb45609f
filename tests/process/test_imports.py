"""Which process imports what: the front no Dagster, the worker side nothing but Dagster."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.process.serving import run

_SHOW_LOADED = "import sys; print('loaded:', *sorted(sys.modules))"


def _loaded(statement: str, cwd: Path) -> set[str]:
    """Every module that a new interpreter has loaded after this statement."""
    ended = run(sys.executable, "-c", f"{statement}\n{_SHOW_LOADED}", cwd=cwd)
    assert ended.code == 0, ended.output
    (line,) = [line for line in ended.output.splitlines() if line.startswith("loaded:")]
    return set(line.split()[1:])


def _of(packages: set[str], modules: set[str]) -> set[str]:
    return {
        module
        for module in modules
        if any(module == package or module.startswith(f"{package}.") for package in packages)
    }


@pytest.mark.parametrize(
    "statement",
    [
        "import codeserver.cli.commands.grpc, codeserver.front.servers.server",
        # What only a function imports counts, too.
        "from codeserver.cli.commands.grpc import _new_event_loop; _new_event_loop().close()\n"
        "from codeserver.supervisor.processes.spawning import spawn\n"
        "import codeserver.cli.printing.logs\n"
        "codeserver.cli.printing.logs.logging_to_stderr('info', 'rich').__enter__()",
    ],
    ids=["modules", "functions"],
)
def test_the_front_does_not_import_dagster_or_the_worker_side(
    statement: str, tmp_path: Path
) -> None:
    loaded = _loaded(statement, tmp_path)

    assert "codeserver.cli.commands.grpc" in loaded
    assert not _of({"dagster", "dagster_shared", "codeserver.worker"}, loaded)


def test_the_file_of_locations_imports_no_yaml_before_it_is_one(
    tmp_path: Path,
) -> None:
    loaded = _loaded("import codeserver.locations", tmp_path)

    assert not _of({"dagster", "dagster_shared", "grpc", "yaml"}, loaded)


def test_help_imports_neither_dagster_nor_grpc(tmp_path: Path) -> None:
    ended = run(
        *(sys.executable, "-X", "importtime", "-m", "codeserver", "grpc", "--help"), cwd=tmp_path
    )

    assert ended.code == 0
    loaded = {line.rpartition("|")[2].strip() for line in ended.output.splitlines() if "|" in line}
    assert "codeserver.cli.commands.grpc" in loaded
    assert not _of({"dagster", "dagster_shared", "grpc", "google.protobuf"}, loaded)


def test_the_worker_side_imports_nothing_of_the_front(tmp_path: Path) -> None:
    # All that the forkserver imports before it forks.
    loaded = _loaded("from codeserver.worker.roles import caretaker, forkserver, host", tmp_path)

    assert "dagster" in loaded
    foreign = {"grpc", "grpc_health", "google.protobuf", "uvloop", "watchfiles"}
    assert not _of(foreign, loaded)
    ours = {module for module in loaded if module.startswith("codeserver.")}
    assert {m for m in ours if not m.startswith("codeserver.worker")} == {
        "codeserver.contents",
        "codeserver.errors",
        "codeserver.facts",
        "codeserver.marks",
        "codeserver.messages",
        "codeserver.processes",
        "codeserver.system",
        "codeserver.system.children",
        "codeserver.system.files",
        "codeserver.system.memory",
        "codeserver.system.pidfds",
        "codeserver.system.sockets",
        "codeserver.used",
        "codeserver.wire",
    }
