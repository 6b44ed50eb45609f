"""The bill of materials in the image: valid, and complete by what the packagers themselves say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.engine import Engine
from tests.image.container import CONFINED, Container
from tests.support.cyclonedx import faults

BILL = "/opt/codeserver/sbom.cdx.json"
ENVIRONMENTS = """\
import glob, json, os, sys
base = os.path.realpath(sys._base_executable)
found = {os.path.dirname(os.path.dirname(base)): base}
for python in glob.glob("/opt/*/bin/python"):
    found[os.path.dirname(os.path.dirname(python))] = python
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def container(engine: Engine, image: str) -> Iterator[Container]:
    """A container that does nothing."""
    with Container(engine, image, CONFINED, ("sleep", "infinity")) as container:
        yield container


@pytest.fixture(scope="module")
def text(container: Container) -> str:
    return container.says("cat", BILL)


@pytest.fixture(scope="module")
def components(text: str) -> list[dict[str, Any]]:
    return list(json.loads(text)["components"])


def test_it_is_valid(text: str) -> None:
    assert faults(text) is None


def test_it_names_what_pip_lists(container: Container, components: list[dict[str, Any]]) -> None:
    environments = json.loads(container.says("python", "-c", ENVIRONMENTS))
    assert "/opt/venv" in environments
    listed = {
        (name, each["name"], each["version"])
        for name, python in environments.items()
        for each in json.loads(
            container.says("pip", "--python", python, "list", "--format", "json")
        )
    }
    assert {each[1] for each in listed} >= {"codeserver", "dagster", "pip"}
    named = {
        (each["evidence"]["occurrences"][0]["location"], each["name"], each["version"])
        for each in components
        if each.get("purl", "").startswith("pkg:pypi/")
    }
    assert named == listed


def test_it_names_what_dpkg_lists(container: Container, components: list[dict[str, Any]]) -> None:
    words = ("dpkg-query", "--show", "--showformat", "${Package} ${Version}\\n")
    named = [
        f"{each['name']} {each['version']}"
        for each in components
        if each.get("purl", "").startswith("pkg:deb/")
    ]
    assert sorted(named) == sorted(container.says(*words).splitlines())


def test_it_has_the_digest_of_each_download(components: list[dict[str, Any]]) -> None:
    installed = [each for each in components if each["bom-ref"].startswith("/opt/")]
    assert [each["name"] for each in installed if "hashes" not in each] == []


def test_neither_its_tool_nor_its_place_is_left(container: Container) -> None:
    assert container.says("find", "/opt", "/usr", "-name", "cyclonedx_py*").strip() == ""
    assert container.run("test", "-e", "/tool").returncode != 0


def test_the_installed_codeserver_has_its_own(container: Container) -> None:
    own = "cat /opt/*/lib/python*/site-packages/codeserver-*.dist-info/sboms/codeserver.cdx.json"
    text = container.says("sh", "-c", own)
    assert json.loads(text)["metadata"]["component"]["name"] == "codeserver"
