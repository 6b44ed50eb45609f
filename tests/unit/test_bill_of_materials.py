"""The bills of materials of the wheel and of images, as far as no container is needed."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from codeserver.cli.commands.dockerfile.bill_of_materials import (
    debian,
    digests,
    merged,
    of_environment,
)
from scripts.build_image import ROOT
from scripts.write_sbom import BILL, LICENSES, version_range
from tests.support.cyclonedx import faults

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
RELEASE = {"ID": "debian", "VERSION_ID": "12"}
DIGEST = "a" * 64


def test_the_wheel_has_a_valid_bill() -> None:
    targets = PYPROJECT["tool"]["hatch"]["build"]["targets"]
    assert targets["wheel"]["sbom-files"] == [BILL.name]
    assert {BILL.name, "SECURITY.md"} <= set(targets["sdist"]["include"])
    assert faults(BILL.read_text()) is None


def test_the_bill_of_the_wheel_names_each_dependency() -> None:
    bill = json.loads(BILL.read_text())
    needed = [Requirement(each) for each in PYPROJECT["project"]["dependencies"]]
    assert {each["name"] for each in bill["components"]} == {each.name for each in needed}
    assert set(LICENSES) == {each.name for each in needed}, "a license is missing, or left over"
    optional = {each["name"] for each in bill["components"] if each["scope"] == "optional"}
    assert optional == {each.name for each in needed if each.marker}


@pytest.mark.parametrize("name", LICENSES)
def test_licenses_are_those_of_the_packages(name: str) -> None:
    try:
        package = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed with this Python")
    declared = package["License-Expression"] or " ".join(
        [package["License"] or "", *package.get_all("Classifier", [])]
    )
    missing = [each for each in LICENSES[name].split(" OR ") if each.split("-")[0] not in declared]
    assert missing == [], declared


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ("", "vers:pypi/*"),
        (">=1", "vers:pypi/>=1"),
        ("!=1.82.0,>=1.60", "vers:pypi/>=1.60|!=1.82.0"),
        ("<10,>=9", "vers:pypi/>=9|<10"),
        ("==2.0", "vers:pypi/2.0"),
    ],
)
def test_ranges_of_versions(allowed: str, expected: str) -> None:
    assert version_range(SpecifierSet(allowed)) == expected


def part(*names: str) -> dict[str, Any]:
    """The bill of a Python environment, as cyclonedx-bom writes it."""
    references = [f"{name}==1" for name in names]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {},
        "components": [
            {"bom-ref": ref, "name": name, "version": "1", "type": "library"}
            for ref, name in zip(references, names, strict=True)
        ],
        "dependencies": [
            {"ref": references[0], "dependsOn": references[1:]},
            *({"ref": ref} for ref in references[1:]),
        ],
    }


def test_the_same_package_may_be_in_two_environments() -> None:
    parts = [of_environment(part("one", "Two_2"), name) for name in ("/opt/venv", "/opt/server")]
    others = debian("installed\tlibc6\t1:2+deb\tamd64\tglibc\n", RELEASE)
    bill = merged(parts, others, {("two-2", "1"): DIGEST, ("one", "2"): DIGEST})
    assert faults(json.dumps(bill)) is None
    packages = {each["bom-ref"]: each.get("hashes") for each in bill["components"]}
    purl = "pkg:deb/debian/libc6@1:2%2Bdeb?arch=amd64&distro=debian-12&upstream=glibc"
    digest = [{"alg": "SHA-256", "content": DIGEST}]
    assert packages == {
        "/opt/server:Two_2==1": digest,
        "/opt/server:one==1": None,
        "/opt/venv:Two_2==1": digest,
        "/opt/venv:one==1": None,
        purl: None,
    }
    depends = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
    assert depends["/opt/venv:one==1"] == ["/opt/venv:Two_2==1"]


def test_codeserver_has_its_public_name() -> None:
    bill = of_environment(part("codeserver", "other"), "/opt/venv")
    named = {each["name"]: each.get("purl") for each in bill["components"]}
    assert named == {"codeserver": "pkg:pypi/codeserver@1", "other": None}


def test_packages_that_debian_has_removed_are_left_out() -> None:
    listed = "config-files\told\t1\tall\told\ninstalled\tnew\t1\tall\tnew\n"
    assert [each["name"] for each in debian(listed, RELEASE)] == ["new"]


@pytest.mark.parametrize(
    ("archive", "expected"),
    [
        ({"archive_info": {"hash": f"sha256={DIGEST}"}}, {("a-b", "1"): DIGEST}),
        ({"archive_info": {"hash": f"md5={DIGEST[:32]}"}}, {}),
        ({"archive_info": {}}, {}),
        ({"vcs_info": {"vcs": "git"}}, {}),
        ({"dir_info": {}}, {}),
    ],
    ids=str,
)
def test_digests_of_downloads(archive: dict[str, Any], expected: dict[Any, str]) -> None:
    report = {"install": [{"metadata": {"name": "A.b", "version": "1"}, "download_info": archive}]}
    assert digests([report]) == expected
