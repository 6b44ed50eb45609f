"""What an image has to install for a project, and what it knows of the project itself."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from codeserver.cli.commands.dockerfile.user_requirements import main

PYPROJECT = """\
[project]
name = "My.Project"
version = "2.5"
dependencies = ["packaging", 'tomli; python_version < "3.11"']

[project.optional-dependencies]
more_of_it = ["attrs"]
other = ["six"]

[project.scripts]
run-it = "my_project:main"

[project.entry-points."a.group"]
it = "my_project:defs"
"""

HASHED = """\
codeserver==1 \\
  --hash=a \\
  --hash=b
six \\
  --hash=c
"""

DECLARED = ["packaging", 'tomli; python_version < "3.11"']


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        ({}, []),
        ({"pyproject.toml": PYPROJECT}, DECLARED),
        ({"pyproject.toml": "[tool.dagster]\nmodule_name = 'a'\n"}, []),
        (
            {"pyproject.toml": PYPROJECT, "requirements.txt": "six # words\n-r more/base.txt\n"},
            ["six # words", "-r more/base.txt"],
        ),
        ({"pyproject.toml": PYPROJECT, "requirements.txt": "-e .\nsix\n"}, [*DECLARED, "six"]),
        ({"pyproject.toml": PYPROJECT, "requirements.txt": "./\n"}, DECLARED),
        (
            {"pyproject.toml": PYPROJECT, "requirements.txt": "--editable=.[More-of.it] # us\n"},
            [*DECLARED, "attrs"],
        ),
        ({"requirements.txt": "\ufeffsix\r\n./wheels/six.whl"}, ["six", "./wheels/six.whl"]),
        ({"requirements.txt": HASHED}, ["six \\", "  --hash=c"]),
        (
            {"requirements.txt": "codeserver\nCodeServer [x]>=1\ncodeserver-plugin\nsix\n"},
            ["codeserver-plugin", "six"],
        ),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else "",
)
def test_what_is_installed(
    files: dict[str, str], lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _main(tmp_path, files) == 0
    assert capsys.readouterr().out.splitlines() == (lines or [""])


@pytest.mark.parametrize("project", ["", '[project]\nname = "a"\ndynamic = ["dependencies"]\n'])
def test_a_project_that_does_not_say_what_it_requires(
    project: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _main(tmp_path, {"pyproject.toml": project, "requirements.txt": "-e .\n"}) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "requirements.txt says '-e .', but no `dependencies`" in said.err


def test_what_python_knows_of_the_project(tmp_path: Path) -> None:
    _main(tmp_path, {"pyproject.toml": PYPROJECT})
    (found,) = metadata.distributions(path=[str(tmp_path / "packages")])
    assert (found.name, found.version) == ("My.Project", "2.5")
    points = {(each.group, each.name, each.value) for each in found.entry_points}
    assert points == {
        ("a.group", "it", "my_project:defs"),
        ("console_scripts", "run-it", "my_project:main"),
    }


def test_code_that_is_no_project_is_not_known(tmp_path: Path) -> None:
    _main(tmp_path, {"requirements.txt": "six\n"})
    assert list((tmp_path / "packages").iterdir()) == []


def _main(folder: Path, files: dict[str, str]) -> int:
    (folder / "code").mkdir()
    (folder / "packages").mkdir()
    for name, text in files.items():
        (folder / "code" / name).write_text(text, "utf-8")
    return main(folder / "code", folder / "packages")
