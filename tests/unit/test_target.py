"""Which definitions are loaded: what the settings say, else what `pyproject.toml` does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from codeserver.config import Config
from codeserver.errors import OperatorError
from codeserver.target import Target, current_directory, resolve
from codeserver.worker.dagster_internals.calls import origin_of


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    return tmp_path


def write_pyproject(text: str) -> None:
    Path("pyproject.toml").write_text(text, "utf-8")


@pytest.mark.parametrize(
    "given",
    [
        {"python_file": "repo.py"},
        {"module_name": "a.b"},
        {"package_name": "a"},
        {"autoload_defs_module_name": "a.defs"},
        {"module_name": "a", "attribute": "defs"},
        {"module_name": "a", "working_directory": "/elsewhere"},
    ],
)
def test_settings_name_the_target(given: dict[str, str], folder: Path) -> None:
    write_pyproject('[tool.dagster]\nmodule_name = "other"\ncode_location_name = "other"')
    before = Config(**given)
    config, target = resolve(before)
    assert target == Target(**{"working_directory": str(folder), **given})
    assert config == before, "pyproject.toml does not count"
    assert target.label == next(iter(given.values()))


def test_the_empty_working_directory() -> None:
    for directory in (None, "/elsewhere"):
        config = Config(module_name="a", empty_working_directory=True, working_directory=directory)
        assert resolve(config)[1].working_directory is None


def test_it_has_dagsters_fields() -> None:
    """A host makes Dagster's class from them."""
    fields = vars(Target(module_name="a", attribute="b", working_directory="/c"))
    origin = origin_of(sys.executable, fields)
    assert (origin.module_name, origin.attribute, origin.working_directory) == ("a", "b", "/c")


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ({"python_file": "a.py", "module_name": "a"}, ["--python-file/-f", "--module-name/-m"]),
        ({"module_name": "a", "package_name": "a"}, ["--module-name/-m", "--package-name"]),
        (
            {"package_name": "a", "autoload_defs_module_name": "a"},
            ["--package-name", "--autoload-defs-module-name"],
        ),
        (
            {"python_file": "a.py", "module_name": "a", "package_name": "a"},
            ["--python-file/-f", "--module-name/-m", "--package-name"],
        ),
    ],
)
def test_more_than_one_target(given: dict[str, str], flags: list[str]) -> None:
    with pytest.raises(OperatorError, match="give one of them") as error:
        resolve(Config(**given))
    assert all(flag in str(error.value) for flag in flags)


DG = '[tool.dg.project]\nroot_module = "fruit"\n'

PYPROJECTS: dict[str, tuple[str, dict[str, str], str | None]] = {
    "module": ('[tool.dagster]\nmodule_name = "a.b"', {"module_name": "a.b"}, None),
    "module with name": (
        '[tool.dagster]\nmodule_name = "a"\ncode_location_name = "é"',
        {"module_name": "a"},
        "é",
    ),
    "one of the modules": (
        '[tool.dagster]\nmodules = [{ type = "module", name = "a" }]',
        {"module_name": "a"},
        None,
    ),
    "other kinds of modules": (
        '[tool.dagster]\nmodules = [{type="file", name="b"}, {type="module", name="a"}]',
        {"module_name": "a"},
        None,
    ),
    "dg project": (DG, {"module_name": "fruit.definitions"}, None),
    "dg project with target": (
        DG + 'code_location_target_module = "fruit.other"',
        {"module_name": "fruit.other"},
        None,
    ),
    "dg project that autoloads": (
        DG + "autoload_defs = true",
        {"autoload_defs_module_name": "fruit.defs"},
        None,
    ),
    "dg project that autoloads elsewhere": (
        DG + 'autoload_defs = true\ndefs_module = "fruit.here"',
        {"autoload_defs_module_name": "fruit.here"},
        None,
    ),
    "dg project that does not autoload": (
        DG + 'autoload_defs = false\ndefs_module = "fruit.here"',
        {"module_name": "fruit.definitions"},
        None,
    ),
    "dg project with name": (
        DG + 'code_location_name = "orchard"',
        {"module_name": "fruit.definitions"},
        "orchard",
    ),
    "both": (
        DG + 'code_location_name = "orchard"\n[tool.dagster]\nmodule_name = "a"',
        {"module_name": "a"},
        None,
    ),
    "dagster without a module": (
        DG + '[tool.dagster]\ncode_location_name = "other"',
        {"module_name": "fruit.definitions"},
        None,
    ),
}


@pytest.mark.parametrize(("text", "found", "name"), PYPROJECTS.values(), ids=PYPROJECTS)
def test_pyproject(text: str, found: dict[str, str], name: str | None, folder: Path) -> None:
    write_pyproject(text)
    config, target = resolve(Config(port=1))
    assert target == Target(working_directory=str(folder), **found)
    assert config == Config(port=1, location_name=name, **found)


def test_settings_beside_pyproject() -> None:
    write_pyproject('[tool.dagster]\nmodule_name = "a"\ncode_location_name = "theirs"')
    given = Config(location_name="mine", attribute="defs", working_directory="/elsewhere")
    config, target = resolve(given)
    assert config.location_name == "mine"
    assert target == Target(module_name="a", attribute="defs", working_directory="/elsewhere")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no module_name in .* no root_module"),
        ("[tool.dagster]", "no module_name in .* no root_module"),
        ("[tool.dagster]\nmodules = []", "no module_name in .* no root_module"),
        ("[tool.dg.project]\nautoload_defs = true", "no module_name in .* no root_module"),
        (
            '[tool.dagster]\nmodules = [{type="module", name="a"}, {type="module", name="b"}]',
            r"names 2 modules \(a, b\).*-m",
        ),
        ("[tool.dagster", "pyproject.toml cannot be read"),
    ],
)
def test_a_pyproject_of_no_use(text: str, problem: str) -> None:
    write_pyproject(text)
    with pytest.raises(OperatorError, match=problem):
        resolve(Config())


@pytest.mark.parametrize(
    "text",
    [
        '[tool.dagster]\nmodules = ["a"]',
        '[tool.dagster]\nmodules = "a"',
        '[tool.dagster]\nmodule_name = ["a"]',
        '[tool]\ndagster = "a"',
        '[tool.dg]\nproject = "fruit"',
        "[tool.dg.project]\nroot_module = 1",
        'tool = "a"',
        # Dagster takes one or the other as well.
        '[tool.dagster]\nmodule_name = "a"\nmodules = [{ type = "module", name = "b" }]',
    ],
)
def test_a_pyproject_that_dagster_could_not_use_either(text: str) -> None:
    """A mistake of the operator is one line that says so, not a traceback of ours."""
    write_pyproject(text)
    with pytest.raises(OperatorError, match=r"pyproject\.toml"):
        resolve(Config())


def test_a_pyproject_that_is_not_text(folder: Path) -> None:
    (folder / "pyproject.toml").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(OperatorError, match=r"pyproject\.toml cannot be read"):
        resolve(Config())


def test_a_pyproject_that_is_a_folder(folder: Path) -> None:
    (folder / "pyproject.toml").mkdir()
    with pytest.raises(OperatorError, match=r"pyproject\.toml cannot be read"):
        resolve(Config())


def test_nothing_at_all() -> None:
    with pytest.raises(
        OperatorError, match=r"Nothing to serve: give a file with -f .* beside a py"
    ):
        resolve(Config())


@pytest.mark.parametrize("kind", ["python_file", "module_name", "package_name"])
def test_an_empty_name_is_none(kind: str) -> None:
    """As when a manifest passes on a variable that is not set."""
    empty: dict[str, Any] = {kind: ""}
    with pytest.raises(OperatorError, match="Nothing to serve"):
        resolve(Config(**empty))


@pytest.fixture
def releases(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment; the current directory is the release that is current."""
    (folder / "release-1/package").mkdir(parents=True)
    (folder / "release-2").mkdir()
    (folder / "current").symlink_to("release-1")
    monkeypatch.chdir(folder / "current")
    return folder


@pytest.mark.parametrize(
    ("pwd", "expected"),
    [
        ("FOLDER/current", "current"),
        ("FOLDER/current/", "current"),
        ("FOLDER/./current", "current"),
        ("FOLDER/release-1", "release-1"),
        ("FOLDER/release-2", "release-1"),  # not true
        ("FOLDER/missing", "release-1"),
        ("FOLDER/current/package/..", "current"),
        # Without the dots it would be another directory.
        ("FOLDER/release-2/link/..", "release-1"),
        ("current", "release-1"),
        (".", "release-1"),
        ("", "release-1"),
        (None, "release-1"),
    ],
)
def test_the_current_directory_is_the_one_that_the_shell_names(
    releases: Path, monkeypatch: pytest.MonkeyPatch, pwd: str | None, expected: str
) -> None:
    (releases / "release-2/link").symlink_to(releases / "release-1/package")
    if pwd is None:
        monkeypatch.delenv("PWD")
    else:
        monkeypatch.setenv("PWD", pwd.replace("FOLDER", str(releases)))
    assert current_directory() == str(releases / expected)


def test_what_is_loaded_goes_through_the_link_that_the_shell_names(
    releases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PWD", str(releases / "current"))
    _, target = resolve(Config(python_file="repo.py"))
    assert target.working_directory == str(releases / "current")
    assert target.path == str(releases / "current/repo.py")


@pytest.mark.parametrize(
    ("fields", "path", "directories"),
    [
        ({"module_name": "a"}, None, []),
        ({"module_name": "a", "working_directory": "/app"}, None, ["/app"]),
        ({"module_name": "a", "working_directory": "app"}, None, ["HERE/app"]),
        ({"python_file": "repo.py"}, "HERE/repo.py", ["HERE"]),
        ({"python_file": "app/../lib/repo.py"}, "HERE/lib/repo.py", ["HERE/lib"]),
        (
            {"python_file": "/lib/repo.py", "working_directory": "/app"},
            "/lib/repo.py",
            ["/app", "/lib"],
        ),
        ({"python_file": "repo.py", "working_directory": "."}, "HERE/repo.py", ["HERE", "HERE"]),
    ],
)
def test_where_its_modules_are(
    folder: Path, fields: dict[str, str], path: str | None, directories: list[str]
) -> None:
    target = Target(**fields)
    assert target.path == (path and path.replace("HERE", str(folder)))
    expected = [each.replace("HERE", str(folder)) for each in directories]
    assert [str(Path(each)) for each in target.directories] == expected


def test_a_link_may_lead_elsewhere_after_the_start(
    releases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths are those of now: the directory of before may be gone."""
    monkeypatch.setenv("PWD", str(releases / "current"))
    target = Target(python_file="repo.py")
    assert target.directories == (str(releases / "current"),)
    (releases / "current").unlink()
    (releases / "current").symlink_to("release-2")
    assert target.directories == (str(releases / "release-1"),)


def test_another_python_is_a_path_whose_links_stay(folder: Path) -> None:
    (folder / "env" / "bin").mkdir(parents=True)
    (folder / "env" / "bin" / "python").symlink_to("/usr/bin/true")
    (folder / "link").symlink_to(folder / "env" / "bin")

    def python_of(path: str) -> str | None:
        return resolve(Config(python_file="a.py", python=path))[0].python

    for path in ("env/bin/python", "./env/../env/bin/python", f"{folder}/env/bin/python"):
        assert python_of(path) == str(folder / "env" / "bin" / "python")
    assert python_of("link/python") == str(folder / "link" / "python")
    assert python_of("link/../bin/python") == f"{folder}/link/../bin/python"


def test_our_own_python_is_no_other_one() -> None:
    for path in (sys.executable, None, ""):
        assert resolve(Config(python_file="a.py", python=path))[0].python is None


def test_a_current_directory_that_has_been_removed(folder: Path) -> None:
    folder.rmdir()
    with pytest.raises(OperatorError, match=r"current directory has been removed"):
        resolve(Config(python_file="repo.py"))
