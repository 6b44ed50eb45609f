"""What a load has used of the user's files, as Python tells of it.

Each case is a process of its own, because Python does not forget a hook.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import codeserver
from codeserver.marks import mark
from tests.support.eventually import PATIENCE

# Loads what the first argument says, and does later what the second one says.
PROGRAM = """
import importlib, json, os, sys
from codeserver.worker.loading.bytecode import see_files_as_they_are
from codeserver.worker.loading.footprint import Footprint

before, load, *later = sys.argv[1:]
sys.path.insert(0, os.getcwd())
directory = os.getcwd()
exec(before)
see_files_as_they_are()
importlib.invalidate_caches()
told = []
footprint = Footprint(directory, lambda *each: told.append(each))
footprint.record()
exec(load)
footprint.close()
facts = [json.dumps({**vars(footprint.facts), "told": told})]
for each in later:
    exec(each)
    facts.append(json.dumps(footprint.take_late()))
print("\\n".join(facts))
"""

FILES = {
    "a.py": "import b",
    "b.py": "",
    "fails.py": "import b; 1 / 0",
    "wrong.py": "def (",
    "package/__init__.py": "",
    "package/part.py": "from . import other",
    "package/other.py": "",
    "package/settings.yaml": "{}",
    "conf.yaml": "{}",
    "conf.yml": "{}",
    "conf.json": "{}",
    "conf.toml": "",
    "query.sql": "",
    ".env": "",
    "data.csv": "",
    "data.parquet": "",
    "notes.txt": "",
    "site-packages/installed.py": "",
    "site-packages/installed.yaml": "",
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "release"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        os.utime(folder / name, (1_000_000_000, 1_000_000_000))
    return folder


def run(folder: Path, load: str, *later: str, before: str = "") -> list[dict[str, Any]]:
    """The footprint, and what each of the later deeds adds."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, before, load, *later],
        cwd=folder,
        env={"PYTHONPATH": str(Path(codeserver.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def below(folder: Path, paths: Iterable[str]) -> set[str]:
    """Those of the paths that are in the folder, relative to it."""
    return {os.path.relpath(path, folder) for path in paths if path.startswith(str(folder))}


USED: dict[str, tuple[str, set[str]]] = {
    "nothing": ("", set()),
    "modules": ("import a", {"a.py", "b.py"}),
    "a package": (
        "import package.part",
        {"package/__init__.py", "package/part.py", "package/other.py"},
    ),
    "a module that fails": (
        "try:\n import fails\nexcept ZeroDivisionError: pass",
        {"fails.py", "b.py"},
    ),
    "a module with a mistake": ("try:\n import wrong\nexcept SyntaxError: pass", {"wrong.py"}),
    "a module that is run": ("import runpy; runpy.run_path('b.py')", {"b.py"}),
    "what definitions are made of": (
        "for n in 'conf.yaml conf.yml conf.json conf.toml query.sql .env'.split(): open(n).close()",
        {"conf.yaml", "conf.yml", "conf.json", "conf.toml", "query.sql", ".env"},
    ),
    "data": ("for n in 'data.csv data.parquet notes.txt'.split(): open(n).close()", set()),
    "what is not there": ("try:\n open('new.yaml')\nexcept OSError: pass", {"new.yaml"}),
    "a descriptor": ("fd = os.open('conf.yaml', os.O_RDONLY); open(fd).close()", {"conf.yaml"}),
    "bytes": ("open(b'conf.yaml').close()", {"conf.yaml"}),
    "a path": ("import pathlib; pathlib.Path('conf.yaml').read_text()", {"conf.yaml"}),
    "dots": ("open('./package/../conf.yaml').close()", {"conf.yaml"}),
    "another thread": (
        "import threading\nt = threading.Thread(target=lambda: open('conf.yaml').close())\n"
        "t.start(); t.join()",
        {"conf.yaml"},
    ),
    "written": ("open('conf.yaml', 'w').close()", set()),
    "appended to": ("open('conf.yaml', 'a').close()", set()),
    "written, then read": ("open('new.yaml', 'w').close(); open('new.yaml').close()", set()),
    "read, then written": ("open('conf.yaml').close(); open('conf.yaml', 'w').close()", set()),
    "written by a descriptor": ("os.close(os.open('conf.yaml', os.O_RDWR))", set()),
    "written, then imported": ("open('b.py', 'w').write('value = 1'); import b", set()),
    "installed": (
        "sys.path.insert(0, os.path.abspath('site-packages')); import installed, wave\n"
        "open('site-packages/installed.yaml').close()",
        set(),
    ),
}


@pytest.mark.parametrize(("load", "files"), USED.values(), ids=USED)
def test_which_files_are_used(project: Path, load: str, files: set[str]) -> None:
    [facts] = run(project, load)
    assert below(project, facts["files"]) == files


def test_a_source_counts_that_python_does_not_open(project: Path) -> None:
    """There is bytecode of it."""
    for _ in range(2):
        [facts] = run(project, "import a")
        assert below(project, facts["files"]) == {"a.py", "b.py"}
        assert (project / "__pycache__").exists()


@pytest.mark.parametrize(
    ("load", "folders"),
    [
        ("import a", {"."}),
        ("import package.part", {".", "package"}),
        ("try:\n import missing\nexcept ImportError: pass", {"."}),
        ("os.listdir('package')", {"package"}),
        ("os.listdir(b'package')", {"package"}),
        ("os.listdir()", {"."}),
        ("os.scandir('package').close()", {"package"}),
        ("list(os.walk('package'))", {"package"}),
        ("import glob; glob.glob('package/*.yaml')", {"package"}),
        ("import pathlib; list(pathlib.Path('package').iterdir())", {"package"}),
        ("import pathlib; list(pathlib.Path('package').rglob('*.yaml'))", {"package"}),
        ("try:\n os.listdir('models')\nexcept OSError: pass", {"models"}),
        ("fd = os.open('package', os.O_RDONLY); os.listdir(fd)", set()),
        ("os.listdir('site-packages')", set()),
    ],
)
def test_which_directories_are_listed(project: Path, load: str, folders: set[str]) -> None:
    # The standard modules that are used here are there before: to import them, Python lists ".".
    [facts] = run(project, load, before="import glob, pathlib, fnmatch")
    assert below(project, facts["folders"]) == folders


def test_what_is_in_a_listed_directory_is_told(project: Path) -> None:
    (project / "package/sub").mkdir()
    [facts] = run(project, "os.listdir('package'); open('package/new.py', 'w').close()")
    files, folders = facts["folders"][f"{project}/package"]
    assert set(files) == {"__init__.py", "part.py", "other.py", "settings.yaml"}
    assert folders == ["sub"]


@pytest.mark.parametrize("use", ["import b", "open('b.py').close()"])
def test_files_are_marked_before_they_are_used(project: Path, use: str) -> None:
    """So that one that is replaced while it is read differs afterwards."""
    (project / "new.py").write_text("value = 2")
    before = mark(f"{project}/b.py")
    [facts] = run(project, f"{use}; os.replace('new.py', 'b.py'); {use}")
    assert facts["files"][f"{project}/b.py"] == before
    assert mark(f"{project}/b.py") != before


@pytest.mark.parametrize(
    ("load", "written"),
    [
        ("import b; open('conf.yaml').close()", set()),
        ("open('new.yaml', 'w').close(); open('data.csv', 'a').close()", {"new.yaml", "data.csv"}),
        ("open('site-packages/installed.yaml', 'w').close()", set()),
        ("os.system('touch new.yaml')", set()),
    ],
)
def test_which_files_are_written(project: Path, load: str, written: set[str]) -> None:
    [facts] = run(project, load)
    assert below(project, facts["written"]) == written


@pytest.mark.parametrize(
    ("load", "rewritten"),
    [
        ("os.system('touch conf.yaml'); open('conf.yaml').close()", {"conf.yaml"}),
        ("open('conf.yaml').close(); os.system('touch conf.yaml')", set()),
        ("os.system('touch conf.yaml'); open('conf.yml').close()", set()),
        ("open('conf.yaml', 'w').close(); open('conf.yaml').close()", set()),
    ],
)
def test_which_files_are_written_anew_before_they_are_read(
    project: Path, load: str, rewritten: set[str]
) -> None:
    [facts] = run(project, load)
    assert below(project, facts["rewritten"]) == rewritten


def test_sources_are_told_at_once(project: Path) -> None:
    """With how they looked before, once, and not by what the user forks."""
    load = (
        "import b, b; open('conf.yaml').close(); at_once = [*told]\n"
        "if (pid := os.fork()) == 0:\n"
        " import package.part\n"
        " os._exit(len(told) - len(at_once))\n"
        "assert os.waitpid(pid, 0)[1] == 0; told[:] = at_once"
    )
    [facts] = run(project, load)
    path = f"{project}/b.py"
    assert facts["told"] == [[path, mark(path)]]


@pytest.mark.parametrize("name", ["conf.yaml", "new.yaml"])
def test_what_is_expected_matters_in_any_case(project: Path, name: str) -> None:
    path = f"{project}/{name}"
    before = mark(path)
    [facts] = run(project, f"footprint.expect({name!r})")
    assert facts["files"] == {path: before}


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        ("open('conf.yaml').close()", "current/conf.yaml"),
        ("open('package/settings.yaml').close()", "current/package/settings.yaml"),
        ("footprint.expect('repo.py')", "current/repo.py"),
        ("open(os.path.abspath('conf.yaml')).close()", "release/conf.yaml"),
        ("os.chdir('package'); open('settings.yaml').close()", "release/package/settings.yaml"),
    ],
)
def test_paths_go_through_a_link_as_the_user_has_written_it(
    project: Path, load: str, expected: str
) -> None:
    """Then it shows when the link leads to another release."""
    current = project.with_name("current")
    current.symlink_to(project.name)
    [facts] = run(project, load, before=f"directory = {str(current)!r}; os.chdir(directory)")
    assert list(facts["files"]) == [str(project.parent / expected)]


def test_sources_that_are_imported_late_are_told_once(project: Path) -> None:
    facts, *late = run(
        project,
        "import b",
        "import a, b; open('conf.yaml').close(); os.listdir('package')",
        "",
        "import package",
    )
    assert below(project, facts["files"]) == {"b.py"}
    assert [below(project, each) for each in late] == [{"a.py"}, set(), {"package/__init__.py"}]
    assert late[0][f"{project}/a.py"] == mark(f"{project}/a.py")


@pytest.mark.parametrize(
    ("deed", "error"),
    [
        ("open('nul\\0.yaml')", "ValueError"),
        ("open('missing/conf.yaml')", "FileNotFoundError"),
        ("open(12345)", "OSError"),
        ("open(None)", "TypeError"),
        ("os.listdir('nul\\0')", "ValueError"),
        # There is no current directory any more.
        ("os.mkdir('x'); os.chdir('x'); os.rmdir('../x'); open('c.yaml')", "FileNotFoundError"),
    ],
)
def test_user_code_gets_the_errors_that_it_would_get(project: Path, deed: str, error: str) -> None:
    load = f"try:\n {deed}\nexcept {error}: os.chdir({str(project)!r})\nelse: raise SystemExit(1)"
    run(project, load)
