"""Requirements of a user's project to install in its image, and the metadata of the project.

The Dockerfile executes this file alone, before it installs codeserver and without the user's code.
So an edit of either installs nothing again, and the project is not built: its modules are found in
/app. Requirements, version and entry points come from pyproject.toml. The version and the entry
points are written for `importlib.metadata`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

_ITSELF = re.compile(r"\s*(?:(?:-e|--editable)[\s=]*)?\./?(?:\[(?P<extras>[^\]]*)\])?\s*(?:#.*)?")
"""A line of requirements.txt that names the project itself."""

_SERVER = re.compile(
    r"\s*codeserver\s*(?:\[[^\]]*\])?\s*(?:[=<>!~;@#\\].*)?", re.IGNORECASE | re.DOTALL
)
"""A requirement of codeserver, which the image has anyway, in the version of its Dockerfile."""


class Unknown(Exception):
    """The requirements of the project are not declared; the message says where they should be."""


def main(folder: Path, packages: Path) -> int:
    """Print the requirements of the project in a folder, and write its metadata to `packages`."""
    project = declared(folder)
    try:
        lines = list(requirements(folder, project))
    except Unknown as error:
        print(error, file=sys.stderr)
        return 1
    print(*lines, sep="\n")
    if "name" in project:
        write_metadata(project, packages)
    return 0


def declared(folder: Path) -> dict[str, Any]:
    """The table [project] of pyproject.toml; empty if there is none."""
    path = folder / "pyproject.toml"
    if not path.is_file():
        return {}
    project: dict[str, Any] = _toml(path.read_text("utf-8")).get("project", {})
    return project


def _toml(text: str) -> Any:
    """The content of a TOML file. Python before 3.11 reads it by the parser that pip contains."""
    for name in ("tomllib", "tomli"):
        with suppress(ImportError):
            return import_module(name).loads(text)
    return import_module("pip._vendor.tomli").loads(text)


def requirements(folder: Path, project: Mapping[str, Any]) -> Iterator[str]:
    """The requirements of requirements.txt, or else of pyproject.toml, without codeserver.

    Raises:
        Unknown: requirements.txt names the project itself, which declares no requirements.
    """
    yield from (line for line in _requirements(folder, project) if not _SERVER.fullmatch(line))


def _requirements(folder: Path, project: Mapping[str, Any]) -> Iterator[str]:
    path = folder / "requirements.txt"
    if not path.is_file():
        yield from project.get("dependencies", ())
        return
    # A backslash continues a line, mostly with the digests of the package.
    for line in re.split(r"(?<!\\)\n", path.read_text("utf-8-sig").rstrip("\n")):
        itself = _ITSELF.fullmatch(line)
        if itself is None:
            yield line
        elif "name" not in project or "dependencies" in project.get("dynamic", ()):
            raise Unknown(
                f"requirements.txt says {line.strip()!r}, but no `dependencies` in the [project] "
                "of pyproject.toml say what that requires. List it in requirements.txt."
            )
        else:
            yield from project.get("dependencies", ())
            yield from _optional(project, (itself["extras"] or "").split(","))


def _optional(project: Mapping[str, Any], extras: Iterable[str]) -> Iterator[str]:
    """The requirements of the extras, whose names are compared in normal form."""
    wanted = {_normal(each.strip()) for each in extras}
    for extra, lines in project.get("optional-dependencies", {}).items():
        if _normal(extra) in wanted:
            yield from lines


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def write_metadata(project: Mapping[str, Any], packages: Path) -> None:
    """Write metadata that make the project look installed to `importlib.metadata`."""
    name, version = str(project["name"]), str(project.get("version", "0"))
    folder = packages / f"{_normal(name).replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8"
    )
    groups = {"console_scripts": project.get("scripts", {}), **project.get("entry-points", {})}
    lines = (
        line
        for group, points in groups.items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in points.items()))
    )
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main(Path.cwd(), Path(sys.argv[1])))
