"""Write codeserver.cdx.json, the wheel's bill of materials, from pyproject.toml (`make sbom`).

It is CycloneDX, and lists codeserver and its declared dependencies with the versions that it
accepts. Versions that are installed are only known later: the bill of an image lists those.
With `--check`, only check that the file is current.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from scripts.written import write_or_check

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
BILL = ROOT / "codeserver.cdx.json"

LICENSES = {
    "click": "BSD-3-Clause",
    "dagster": "Apache-2.0",
    "googleapis-common-protos": "Apache-2.0",
    "grpcio": "Apache-2.0",
    "grpcio-reflection": "Apache-2.0",
    "hpack": "MIT",
    "protobuf": "BSD-3-Clause",
    "pyyaml": "MIT",
    "rich": "MIT",
    "tomli": "MIT",
    "uvloop": "MIT OR Apache-2.0",
    "watchfiles": "MIT",
}
"""SPDX expressions of the dependencies, which pyproject.toml cannot name."""


def main() -> int:
    """Write the file, or check it; returns the exit code."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return write_or_check(BILL, json.dumps(bill(project), indent=2) + "\n", "make sbom")


def bill(project: dict[str, Any]) -> dict[str, Any]:
    """The bill of materials of a project; it has no time and no serial number, to be reproducible.

    Args:
        project: the table [project] of pyproject.toml.

    Raises:
        KeyError: the license of a dependency is not known.
    """
    name, version = project["name"], project["version"]
    itself = f"pkg:pypi/{name}@{version}"
    needed = sorted(map(_component, project["dependencies"]), key=lambda each: each["name"])
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",  # the first with ranges of versions
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "pre-build"}],  # dependencies as declared
            "component": {
                "type": "application",
                "bom-ref": itself,
                "name": name,
                "version": version,
                "description": project["description"],
                "licenses": [{"expression": "Apache-2.0"}],
                "purl": itself,
            },
        },
        "components": needed,
        "dependencies": [
            {"ref": itself, "dependsOn": [each["bom-ref"] for each in needed]},
            *({"ref": each["bom-ref"]} for each in needed),
        ],
    }


def _component(declared: str) -> dict[str, Any]:
    """A dependency, as a component that is not in the wheel."""
    requirement = Requirement(declared)
    name = canonicalize_name(requirement.name)
    marker = str(requirement.marker or "")
    return {
        "type": "library",
        "bom-ref": f"pkg:pypi/{name}",
        "name": name,
        "isExternal": True,
        "versionRange": version_range(requirement.specifier),
        "scope": "optional" if marker else "required",
        "licenses": [{"expression": LICENSES[name]}],
        "purl": f"pkg:pypi/{name}",
        **({"properties": [{"name": "python:marker", "value": marker}]} if marker else {}),
    }


def version_range(allowed: SpecifierSet) -> str:
    """Accepted versions in the notation of package URLs: `vers:pypi/>=1.60|!=1.82.0`."""
    each = sorted(allowed, key=lambda specifier: Version(specifier.version))
    signs = {"==": ""}
    parts = [f"{signs.get(one.operator, one.operator)}{one.version}" for one in each]
    return f"vers:pypi/{'|'.join(parts) or '*'}"


if __name__ == "__main__":
    sys.exit(main())
