"""The bill of materials of an image: every package that is installed, in one CycloneDX file.

The Dockerfile executes this file alone, with a Python that has `cyclonedx-bom`, which lists the
packages of each Python environment. Python itself, the packages of Debian and the digests of the
downloads are added here. There is no time and no serial number in it, so that equal images have
equal files.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

Component = dict[str, Any]

_FIELDS = ("db:Status-Status", "Package", "Version", "Architecture", "source:Package")
_DPKG = ("dpkg-query", "--show", "--showformat", "\t".join(f"${{{x}}}" for x in _FIELDS) + "\n")


def main(output: Path, reports: Path, environments: Iterable[Path]) -> int:
    """Write the bill of materials.

    Args:
        output: the file to write.
        reports: directory with reports of `pip install --report`.
        environments: virtual environments; that of this Python's base is always added.
    """
    base = Path(sys.executable).resolve()
    pythons = {str(each): each / "bin" / "python" for each in environments}
    parts = [
        of_environment(_packages_of(python), name)
        for name, python in {str(base.parent.parent): base, **pythons}.items()
    ]
    bill = merged(
        parts,
        [_python(base), *_of_distribution()],
        digests(json.loads(each.read_text("utf-8")) for each in sorted(reports.glob("*.json"))),
    )
    output.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n", "utf-8")
    return 0


def _packages_of(python: Path) -> dict[str, Any]:
    """The bill of materials of one Python environment, by `cyclonedx-bom`."""
    # Its own validation takes longer than all the rest, and tests validate the result.
    options = ("--output-reproducible", "--spec-version", "1.6", "--no-validate")
    command = (sys.executable, "-m", "cyclonedx_py", "environment", *options, str(python))
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise SystemExit(ended.stderr)
    listed: dict[str, Any] = json.loads(ended.stdout)
    return listed


def _of_distribution() -> Iterable[Component]:
    """The packages of the distribution; none where there is no dpkg."""
    if not shutil.which("dpkg-query"):
        return ()
    listed = subprocess.run(_DPKG, stdout=subprocess.PIPE, text=True, check=True).stdout
    return debian(listed, platform.freedesktop_os_release())


def _python(base: Path) -> Component:
    """Python itself, which in many images is not a package of the distribution."""
    version = platform.python_version()
    purl = f"pkg:generic/python@{version}"
    return {
        "type": "platform",
        "bom-ref": purl,
        "name": "python",
        "version": version,
        "purl": purl,
        "cpe": f"cpe:2.3:a:python:python:{version}:*:*:*:*:*:*:*",
        "evidence": _found_in(str(base)),
    }


def of_environment(bill: dict[str, Any], name: str) -> dict[str, Any]:
    """The bill of one environment with references that are different from those of all others."""

    def renamed(reference: str) -> str:
        return f"{name}:{reference}"

    components = [
        {**_named(each), "bom-ref": renamed(each["bom-ref"]), "evidence": _found_in(name)}
        for each in bill.get("components", ())
    ]
    dependencies = [
        {"ref": renamed(each["ref"]), "dependsOn": [*map(renamed, each.get("dependsOn", ()))]}
        for each in bill.get("dependencies", ())
    ]
    return {**bill, "components": components, "dependencies": dependencies}


def _named(component: Component) -> Component:
    """Codeserver comes from a file of the build, but scanners shall know it by its public name."""
    if component["name"] != "codeserver":
        return component
    known = {key: value for key, value in component.items() if key != "externalReferences"}
    return {**known, "purl": f"pkg:pypi/codeserver@{component['version']}"}


def _found_in(location: str) -> dict[str, Any]:
    return {"occurrences": [{"location": location}]}


def debian(listed: str, release: Mapping[str, str]) -> Iterator[Component]:
    """The packages of Debian, or of a distribution that is made from it.

    Args:
        listed: lines of dpkg-query.
        release: the content of /etc/os-release.
    """
    distribution = f"{release['ID']}-{release.get('VERSION_ID', 'unknown')}"
    for line in listed.splitlines():
        status, name, version, architecture, source = line.split("\t")
        if status == "installed":
            # Vulnerabilities are reported for the source package.
            qualifiers = f"arch={architecture}&distro={distribution}&upstream={quote(source)}"
            purl = f"pkg:deb/{release['ID']}/{quote(name)}@{quote(version, safe=':')}?{qualifiers}"
            yield {
                "type": "library",
                "bom-ref": purl,
                "name": name,
                "version": version,
                "purl": purl,
            }


def digests(reports: Iterable[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """The SHA-256 of each downloaded package, by its name in normal form and its version."""
    return {
        (_normal(each["metadata"]["name"]), each["metadata"]["version"]): found[1]
        for report in reports
        for each in report["install"]
        # Old versions of pip have this form only, and new ones have it as well.
        if (found := _SHA256.fullmatch(_archive(each).get("hash", "")))
    }


_SHA256 = re.compile(r"sha256=([0-9a-f]{64})")


def _archive(installed: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = installed["download_info"].get("archive_info", {})
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def merged(
    parts: list[dict[str, Any]],
    others: Iterable[Component],
    hashes: Mapping[tuple[str, str], str],
) -> dict[str, Any]:
    """One bill of materials for the image.

    Args:
        parts: the bill of each Python environment.
        others: further components.
        hashes: the digests of Python packages.
    """
    itself = {"type": "container", "bom-ref": "image", "name": "Dagster code location"}
    packages = [_hashed(each, hashes) for part in parts for each in part["components"]]
    components = sorted([*packages, *others], key=lambda each: str(each["bom-ref"]))
    graph = [each for part in parts for each in part["dependencies"]]
    return {
        **{key: parts[0][key] for key in ("$schema", "bomFormat", "specVersion", "version")},
        "metadata": {
            **parts[0]["metadata"],
            "component": itself,
            "lifecycles": [{"phase": "build"}],
        },
        "components": components,
        "dependencies": sorted(graph, key=lambda each: str(each["ref"])),
    }


def _hashed(component: Component, hashes: Mapping[tuple[str, str], str]) -> Component:
    digest = hashes.get((_normal(component["name"]), component.get("version", "")))
    return {**component, **({"hashes": [{"alg": "SHA-256", "content": digest}]} if digest else {})}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), map(Path, sys.argv[3:])))
