"""workspace.yaml means the same as for Dagster, whose own loader is asked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from dagster import DagsterError
from dagster._check import CheckError
from dagster._core.workspace.load import location_origins_from_yaml_paths
from dotenv import dotenv_values
from yaml import YAMLError

from bench.origins import ManagedGrpcPythonEnvCodeLocationOrigin
from codeserver.config import Config
from codeserver.errors import OperatorError
from codeserver.locations import Entry, read
from codeserver.locations.dg_workspace import _python_in_env
from codeserver.locations.entry import Source
from codeserver.target import current_directory, other_python
from tests.support.dagster_names import HAS_AUTOLOAD

ITEMS = {
    "file": "python_file: a.py",
    "file in a folder": "python_file: sub/a.py",
    "file above": "python_file: ../a.py",
    "absolute file": "python_file: /code/a.py",
    "file in long form": "python_file: {relative_path: a.py}",
    "file with everything": "python_file: {relative_path: sub/a.py, attribute: defs, "
    "location_name: My Team, working_directory: sub, executable_path: ~/.venv/bin/python}",
    "file with a directory above": "python_file: {relative_path: a.py, working_directory: ..}",
    "file with an absolute directory": "python_file: {relative_path: a.py, working_directory: /w}",
    "home is not expanded": "python_file: {relative_path: ~/a.py, working_directory: ~/w}",
    "variables are not expanded": "python_file: {relative_path: $CODE/a.py}",
    "variable": "python_file: {relative_path: {env: CODE}, location_name: {env: CODE}}",
    "file with an attribute": "python_file: {relative_path: a.py, attribute: defs}",
    "what is empty": "python_file: {relative_path: a.py, attribute: '', location_name: '', "
    "working_directory: '', executable_path: ''}",
    "module": "python_module: a.b",
    "module in long form": "python_module: {module_name: a.b}",
    "module with everything": "python_module: {module_name: a, attribute: defs, "
    "location_name: a.b c, working_directory: sub, executable_path: /python}",
    "module with an attribute": "python_module: {module_name: a.b, attribute: defs}",
    "module with a relative Python": "python_module: {module_name: a, executable_path: v/python}",
    "module with a Python on PATH": "python_module: {module_name: a, executable_path: tool}",
    "module with no Python on PATH": "python_module: {module_name: a, executable_path: no-such}",
    "package": "python_package: a",
    "package with everything": "python_package: {package_name: a, attribute: defs, "
    "location_name: b, working_directory: /w, executable_path: /python}",
    "autoload": "autoload_defs_module: a.defs",
    "autoload with everything": "autoload_defs_module: {module_name: a.defs, location_name: b, "
    "working_directory: sub, executable_path: /python}",
    "date": "python_module: {module_name: 2024-01-01}",
    "merged": "python_module: {<<: {module_name: a, attribute: b}, attribute: c}",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setenv("HOME", "/home/berry")
    monkeypatch.setenv("CODE", "fruit")
    tool = tmp_path / "bin" / "tool"
    tool.parent.mkdir()
    tool.touch(0o755)
    monkeypatch.setenv("PATH", str(tool.parent))
    (tmp_path / "etc").mkdir()
    return tmp_path


def means_the_same(text: str, path: str) -> None:
    Path(path).write_text(text, "utf-8")
    origins = location_origins_from_yaml_paths([path])
    entries = read(path, Config(), lambda _: None)
    ours = [
        origin for origin in origins if isinstance(origin, ManagedGrpcPythonEnvCodeLocationOrigin)
    ]
    assert [entry.name for entry in entries] == [origin.location_name for origin in ours]
    for entry, origin in zip(entries, ours, strict=True):
        _same(entry, origin)


def _same(entry: Entry, theirs: ManagedGrpcPythonEnvCodeLocationOrigin) -> None:
    origin, target = theirs.loadable_target_origin, entry.target
    assert target.python_file == origin.python_file
    assert target.module_name == origin.module_name
    assert target.package_name == origin.package_name
    if HAS_AUTOLOAD:
        assert target.autoload_defs_module_name == origin.autoload_defs_module_name
    # Its server takes an empty text for none, and the current directory if it gets no other.
    assert target.attribute == (origin.attribute or None)
    assert target.working_directory == (origin.working_directory or current_directory())
    # Dagster leaves it to the system to find the program from the current directory.
    assert entry.config.python == other_python(_found(origin.executable_path))


def _found(program: str | None) -> str | None:
    """The program that is started: a mere name is looked for in PATH."""
    return program and (shutil.which(program) or program)


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_an_item(item: str, folder: Path) -> None:
    if item.startswith("autoload") and not HAS_AUTOLOAD:
        pytest.skip("not in this Dagster")
    means_the_same(f"load_from:\n- {item}\n", f"{folder}/etc/workspace.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "load_from:\n- python_file: &file {relative_path: a.py}\n"
        "- python_file: {<<: *file, location_name: b}\n",
        "load_from:\n- grpc_server: {port: 4001}\n- python_module: a\n- python_package: b\n",
        'load_from: [{"python_module": "a"}]',
        "%YAML 1.1\n---\nload_from:\n- python_module: b\n- python_module: a\n",
    ],
)
def test_a_file(text: str, folder: Path) -> None:
    means_the_same(text, f"{folder}/etc/workspace.yaml")


def test_a_file_in_the_current_directory() -> None:
    means_the_same("load_from:\n- python_file: a.py\n- python_module: a\n", "workspace.yaml")


def test_the_directory_of_the_file_is_the_one_that_it_is_in(folder: Path) -> None:
    """Dagster doubles the folder (etc/etc) if the path is relative and names one."""
    Path("etc/workspace.yaml").write_text("load_from:\n- python_file: {relative_path: a.py}\n")
    (entry,) = read("etc/workspace.yaml", Config())
    assert entry.target.working_directory == f"{folder}/etc"


REFUSED = [
    "",
    "load_from:\n",
    "{}",
    "- python_module: a",
    "python_module: a",
    "load_from: [a]",
    "load_from: [{}]",
    "load_from: [{python_module: 5}]",
    "load_from: [{python_module: }]",
    "load_from: [{python_module: ''}]",
    "load_from: [{python_module: {env: CODE}}]",
    "load_from: [{python_module: {module_name: a, attribute: }}]",
    "load_from: [{python_module: {module_name: a, atribute: b}}]",
    "load_from: [{python_module: {attribute: b}}]",
    "load_from: [{python_module: {module_name: {env: NO_SUCH}}}]",
    "load_from: [{python_module: {module_name: {env: CODE, or: a}}}]",
    "load_from: [{python_module: a, python_package: b}]",
    "load_from: [{python_module: a}, {python_module: a}]",
    "load_from: [{python_module: a}]\n---\nload_from: []",
    "load_from: [{autoload_defs_module: {module_name: a, attribute: b}}]",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_dagster_refuses_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH", raising=False)
    Path("workspace.yaml").write_text(text)
    with pytest.raises((DagsterError, CheckError, YAMLError)):
        location_origins_from_yaml_paths(["workspace.yaml"])
    with pytest.raises(OperatorError, match=r"^workspace\.yaml: "):
        read("workspace.yaml", Config())


@pytest.mark.parametrize(
    "line",
    [
        "{}=/python",
        "{} = /python",
        "export {}=/python",
        "  {}=/python  ",
        "{}=/python # of the team",
        "{}=/with#sign",
        "{}='/my python' # of the team",
        '{}="/my python"',
        "{}=",
        "{}=''",
        "{}=/first\n{}=/second",
        "# {}=/python",
        "MY_{}=/python",
        "{}_2=/python",
        "A=1\r\n{}=/python\r\nB=2",
        "{}=/my python",
    ],
)
def test_the_python_in_env_is_that_of_dotenv(line: str, folder: Path) -> None:
    """Which dg reads the file with."""
    name = "DG_PROJECT_PYTHON_EXECUTABLE"
    with open(".env", "w", newline="") as file:
        file.write(line.replace("{}", name))
    expected = dotenv_values(folder / ".env").get(name) or None
    assert _python_in_env(os.curdir, Source("dg.toml", pytest.fail)) == expected
