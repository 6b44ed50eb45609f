"""`codeserver dockerfile`: the template, with the defaults that a project needs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from click.testing import Result

from codeserver.cli.commands import cli
from codeserver.cli.commands.dockerfile import TEMPLATE
from tests.support.in_process import runner

ROOT = Path(__file__).parents[2]
PYPROJECT = """\
[project]
name = "project"
dependencies = []

[tool.dagster]
module_name = "project.definitions"
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "repo.py").touch()
    (tmp_path / "with space.py").touch()
    return tmp_path


def invoke(*words: str) -> Result:
    return runner().invoke(cli, ("dockerfile", *words))


def default(text: str, name: str) -> str:
    (found,) = re.findall(rf'^ARG {name}="?([^"\n]*)"?$', text, re.MULTILINE)
    return str(found)


def test_the_template_is_the_dockerfile_of_this_project() -> None:
    assert TEMPLATE.read_text() == (ROOT / "Dockerfile").read_text(), "copy the one that is right"


@pytest.mark.parametrize(
    ("words", "target"),
    [
        (("-f", "repo.py"), "-f repo.py"),
        (("-f", "./repo.py", "-a", "defs"), "-f repo.py -a defs"),
        (("--python-file", "{here}/repo.py"), "-f repo.py"),
        (("-m", "project.definitions", "-d", "src"), "-m project.definitions -d src"),
        (("--package-name", "project"), "--package-name project"),
        (("--autoload-defs-module-name", "a.defs"), "--autoload-defs-module-name a.defs"),
    ],
    ids=" ".join,
)
def test_the_target(words: tuple[str, ...], target: str, project: Path) -> None:
    text = invoke(*(word.format(here=project) for word in words)).stdout
    assert default(text, "TARGET") == target
    assert "\nARG USER_CODE=.\n" in text
    assert default(text, "PYTHON_VERSION") == "{}.{}".format(*sys.version_info)
    assert default(text, "CODESERVER").startswith("codeserver==")


def test_an_environment_for_the_server_alone() -> None:
    assert default(invoke("-f", "repo.py").stdout, "SEPARATE_ENVIRONMENT") == ""
    text = invoke("-f", "repo.py", "--separate-environment").stdout
    assert default(text, "SEPARATE_ENVIRONMENT") == "yes"


def test_a_project_that_says_itself_what_is_served(project: Path) -> None:
    (project / "pyproject.toml").write_text(PYPROJECT)
    result = invoke("-o", "Dockerfile")
    assert result.exit_code == 0
    assert default((project / "Dockerfile").read_text(), "TARGET") == ""
    assert result.stderr == "wrote Dockerfile\n"
    assert invoke("-o", "-").stdout == (project / "Dockerfile").read_text()


def test_a_project_that_does_not_say_what_it_requires_is_worth_a_word(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.dagster]\nmodule_name = "project"\n')
    assert "no `dependencies` in [project]" in invoke().stderr


def test_code_that_requires_nothing_is_worth_a_word() -> None:
    assert "no requirements.txt, uv.lock or pyproject.toml here" in invoke("-f", "repo.py").stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "Nothing to serve"),
        (("-f", "other.py"), "other.py: there is no such file"),
        (("-f", "../repo.py"), "is outside of this directory"),
        (("-f", "with space.py"), "has characters that"),
        (("-m", "a$b"), "has characters that"),
        (("-f", "repo.py", "-m", "a"), "are given; a server loads one target"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_an_image(words: tuple[str, ...], message: str) -> None:
    result = invoke(*words)
    assert result.exit_code == 2
    assert message in result.stderr
