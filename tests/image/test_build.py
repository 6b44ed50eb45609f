"""What becomes of a build: an image that serves, or words that say why there is none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.build_image import ROOT, build, given_arguments
from scripts.engine import Engine
from tests.image.container import Container

Build = Callable[..., "subprocess.CompletedProcess[str]"]

SERVER = ("pyproject.toml", "README.md", "LICENSE", "codeserver.cdx.json", ".dockerignore")

PROJECT = """\
[project]
name = "project"
version = "1"
dependencies = ["packaging"]

[tool.dagster]
module_name = "served.definitions"
"""

JOB = """\
import importlib.metadata
import dagster as dg, packaging

assert importlib.metadata.version("project") == "1"

@dg.op
def nothing(): ...

@dg.job
def small_job():
    nothing()
"""

CODE = {
    "raises/repo.py": "raise ValueError('the code is broken')\n",
    "requires/repo.py": "import dagster\n",
    "requires/requirements.txt": "a-package-that-is-in-no-index\n",
    "project/pyproject.toml": PROJECT,
    "project/requirements.txt": "-e .\n-c constraints.txt\n",
    "project/constraints.txt": "packaging<99\n",
    "project/src/served/definitions.py": JOB,
    "project/.env": "PASSWORD=secret\n",
    "project/private.key": "secret\n",
}


# What the image under test has, so that it need not be installed again.
EXAMPLE_REQUIRES = ("raises/requirements.txt",)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build context: the server, and a directory for each kind of code."""
    path = tmp_path_factory.mktemp("context")
    for name in SERVER:
        shutil.copy2(ROOT / name, path / name)
    shutil.copytree(ROOT / "codeserver", path / "codeserver")
    for name, text in CODE.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    for name in EXAMPLE_REQUIRES:
        shutil.copy2(ROOT / "example_user_code" / "requirements.txt", path / name)
    return path


@pytest.fixture
def tag(engine: Engine) -> Iterator[str]:
    name = f"localhost/codeserver-test:{uuid.uuid4().hex[:12]}"
    yield name
    if engine.has_image(name):
        assert engine.run("rmi", name).returncode == 0


@pytest.fixture
def built(engine: Engine, image: str, folder: Path, tag: str) -> Build:
    """Builds an image with these arguments, on the base of the image under test."""
    template = '{{index .Config.Labels "org.opencontainers.image.base.name"}}'
    base = engine.run("image", "inspect", "--format", template, image).stdout.strip()
    given = {**given_arguments(os.environ), "BASE_IMAGE": base}
    return lambda **arguments: build(engine, tag, {**given, **arguments}, folder=folder)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"USER_CODE": "raises"}, ("ValueError: the code is broken", "repo.py", "line 1")),
        ({"USER_CODE": "requires"}, ("a-package-that-is-in-no-index",)),
        ({"USER_CODE": "elsewhere"}, ("USER_CODE=elsewhere", "no such directory")),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else "",
)
def test_no_image_of_what_does_not_load(
    built: Build, arguments: dict[str, str], words: tuple[str, ...]
) -> None:
    ended = built(**arguments)
    assert ended.returncode != 0
    assert [word for word in words if word not in ended.stdout] == [], ended.stdout


def test_an_image_of_a_project_with_a_snapshot(engine: Engine, built: Build, tag: str) -> None:
    arguments = {"USER_CODE": "project", "TARGET": "", "SNAPSHOT": "/app/location.snap"}
    ended = built(**arguments, VERSION="1.2.3", SBOM_TOOL="")
    assert ended.returncode == 0, ended.stdout
    labels = engine.run("image", "inspect", "--format", "{{json .Config.Labels}}", tag).stdout
    assert json.loads(labels)["org.opencontainers.image.version"] == "1.2.3"
    with Container(engine, tag) as container:
        container.wait_until_serving()
        assert "small_job" in container.says("codeserver", "list", "jobs")
        assert "snapshot" in container.log
        assert "is not used" not in container.log
        assert container.says("ls", "/opt/codeserver").split() == ["bin"]
        # Neither what the ignore file names, nor the secrets of the build.
        assert container.says("ls", "-A", "/app").split() == [
            *("constraints.txt", "location.snap", "pyproject.toml", "requirements.txt", "src"),
        ]
        assert container.run("test", "-s", "/etc/pip.conf").returncode != 0
        assert container.run("ls", "/run/secrets/ca_bundle").returncode != 0
