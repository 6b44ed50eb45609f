"""The Dockerfile and what builds it, as far as that can be told without a container."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import build_image, engine
from scripts.build_image import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HADOLINT = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not installed")
def test_hadolint_has_nothing_to_say() -> None:
    assert HADOLINT
    ended = subprocess.run(
        (HADOLINT, str(ROOT / "Dockerfile")), capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")


def test_whatever_the_base_image_says_it_can_be_built_and_takes_whole_commands() -> None:
    stages = re.split(r"^FROM .*\n", DOCKERFILE, flags=re.MULTILINE)[1:]
    assert [stage for stage in stages if not stage.startswith("USER 0\n")] == stages[3:4]
    assert "FROM dependencies AS installed" in DOCKERFILE
    assert "\nENTRYPOINT []\nCMD [" in stages[-1]
    assert re.findall(r"^USER (.*)", stages[-1], re.MULTILINE)[-1] == "10001:0"


def test_what_is_handed_on_is_an_argument_of_the_dockerfile() -> None:
    declared = set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE))
    assert set(build_image.ARGUMENTS) <= declared
    assert declared - set(build_image.ARGUMENTS) == {"CREATED"}


def test_arguments_are_what_variables_give() -> None:
    given = {"USER_CODE": "code", "TARGET": "", "HOME": "/root"}
    assert build_image.given_arguments(given) == {"USER_CODE": "code"}


@pytest.mark.parametrize(
    ("variables", "expected"), [({}, ()), ({"PLATFORM": "linux/arm64"}, ("linux/arm64",))]
)
def test_an_image_for_another_platform(variables: dict[str, str], expected: tuple[str]) -> None:
    assert build_image.platform_options(variables)[1:] == expected


def test_nothing_of_the_image_is_for_one_architecture() -> None:
    """An image for arm64 is built by the same lines: of the base image and of wheels."""
    assert not re.search(r"x86|amd64|aarch64|arm64|-linux-gnu", DOCKERFILE)
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert not [each for each in needed if "machine" in each]


def test_the_server_in_the_image_has_what_its_wheel_needs() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, wheel = declared["project"], declared["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {project["readme"], project["license"]["file"], "pyproject.toml"}
    needed.update(wheel["packages"], wheel["sbom-files"])
    copied = re.search(r"cp -R (.*) /sorted/server", DOCKERFILE)
    assert copied
    assert set(copied[1].split()) == needed


@pytest.mark.parametrize(
    ("variables", "bundle"),
    [({}, ""), ({"SSL_CERT_FILE": "/a"}, "/a"), ({"SSL_CERT_FILE": "/a", "PIP_CERT": "/b"}, "/b")],
)
def test_the_build_trusts_what_pip_trusts(
    variables: dict[str, str], bundle: str, tmp_path: Path
) -> None:
    secrets = build_image.secrets(tmp_path / "new", variables)
    assert secrets[1:] == ([f"id=ca_bundle,src={bundle}"] if bundle else [])


def test_a_configuration_of_podman() -> None:
    text = engine.configuration(has_runc=True)
    assert 'runtime = "runc"' in text
    assert "runtime" not in engine.configuration(has_runc=False)
    limits = tomllib.loads(text)["containers"]["default_ulimits"]
    assert [each.partition("=")[0] for each in limits] == ["nofile", "nproc"]


def test_a_configuration_that_is_there_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONTAINERS_CONF", "/etc/mine.conf")
    assert engine.podman_environment(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "podman or docker is not installed"),
        ({"CONTAINER_ENGINE": "docker"}, "docker is not installed"),
        ({"CONTAINER_ENGINE": "lxc"}, "CONTAINER_ENGINE=lxc is neither of podman, docker"),
    ],
)
def test_nothing_can_be_built_without_an_engine(
    variables: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(engine.NoEngine, match=f"^{reason}"):
        engine.find(variables)
