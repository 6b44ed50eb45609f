"""With which Python a forkserver is started, and what comes first in its `sys.path`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from codeserver.cli import ahead
from codeserver.config import Config
from codeserver.supervisor.loading.host_maker import load_order
from codeserver.supervisor.processes.spawning import Python, Spawned, first_of_path
from codeserver.target import Target

OTHER = "/opt/other/bin/python"


@pytest.mark.parametrize(
    ("arguments", "env", "is_started"),
    [
        ("-f repo.py --python-file other.py", {}, True),
        ("-f repo.py --working-directory src", {"CODESERVER_PYTHON": ""}, True),
        ("-f repo.py --python .venv/bin/python", {}, False),
        ("-f repo.py --python=.venv/bin/python", {}, False),
        ("--locations all.toml", {}, True),
        ("-f repo.py", {"CODESERVER_PYTHON": OTHER}, False),
        ("-f repo.py", {"DAGSTER_CLI_API_GRPC_PYTHON": OTHER}, False),
    ],
)
def test_one_is_started_ahead_unless_another_python_is_named(
    arguments: str, env: dict[str, str], is_started: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    started: list[str | None] = []

    class Fake(Spawned):
        def __init__(self) -> None: ...

        def discard(self) -> None: ...

    def spawn(python: Python) -> Spawned:
        started.append(python.path)
        return Fake()

    monkeypatch.setattr(ahead, "spawn", spawn)
    with ahead.started(arguments.split()):
        assert started == ([None] if is_started else [])
        ahead.take(OTHER)
        assert started[-1] == OTHER


def test_the_directory_of_a_script_is_that_of_scripts_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "codeserver").touch()
    (tmp_path / "link").symlink_to(tmp_path / "bin" / "codeserver")
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "link")])
    monkeypatch.setattr(sys, "path", [str(tmp_path / "bin"), "/lib"])
    assert first_of_path(OTHER) == "/opt/other/bin"

    monkeypatch.setattr(sys, "path", ["/srv/project", "/lib"])
    assert first_of_path(OTHER) == "/srv/project"


def test_what_clients_are_told() -> None:
    ours = load_order(Config(), Target("a.py"), "/srv", None)
    other = load_order(Config(python=OTHER), Target("a.py"), "/srv", None)
    assert (ours.executable_path, ours.entry_point) == (sys.executable, ["dagster"])
    assert (other.executable_path, other.entry_point) == (OTHER, [OTHER, "-m", "dagster"])
