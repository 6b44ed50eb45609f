"""What an image of somebody's project has to install, and what it says of the project itself.

The Dockerfile executes this file alone, before codeserver is installed and without the code: an
edit of either installs nothing again. So the project is not built. Its modules are found in /app,
what it requires is what pyproject.toml declares, and what `importlib.metadata` knows of installed
packages, version and entry points, is written from there.
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
"""A line of requirements.txt that means the project that it belongs to."""

_SERVER = re.compile(
    r"\s*codeserver\s*(?:\[[^\]]*\])?\s*(?:[=<>!~;@#\\].*)?", re.IGNORECASE | re.DOTALL
)
"""What the image brings anyway, in the version that its Dockerfile says."""


class Unknown(Exception):
    """Nothing says what the project requires; the message says what should."""


def main(folder: Path, packages: Path) -> int:
    """Print what to install for the project in a folder, and tell Python's packages of it."""
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
    """What a TOML file says. Python before 3.11 cannot read it, but pip brings what can."""
    for name in ("tomllib", "tomli"):
        with suppress(ImportError):
            return import_module(name).loads(text)
    return import_module("pip._vendor.tomli").loads(text)


def requirements(folder: Path, project: Mapping[str, Any]) -> Iterator[str]:
    """The lines of requirements.txt, or else what pyproject.toml declares, without codeserver.

    Raises:
        Unknown: requirements.txt names the project itself, which does not declare them.
    """
    yield from (line for line in _requirements(folder, project) if not _SERVER.fullmatch(line))


def _requirements(folder: Path, project: Mapping[str, Any]) -> Iterator[str]:
    path = folder / "requirements.txt"
    if not path.is_file():
        yield from project.get("dependencies", ())
        return
    # A line goes on behind a backslash, mostly with the digests of what it names.
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
    """What the extras require, whichever way their names are written."""
    wanted = {_normal(each.strip()) for each in extras}
    for extra, lines in project.get("optional-dependencies", {}).items():
        if _normal(extra) in wanted:
            yield from lines


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def write_metadata(project: Mapping[str, Any], packages: Path) -> None:
    """Have `importlib.metadata` know the project as if it were installed among these packages."""
    name, version = str(project["name"]), str(project.get("version", "0"))
    folder = packages / f"{_normal(name).replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8"
    )
    groups = {
        "console_scripts": project.get("scripts", {}),
        **project.get("entry-points", {}),
    }
    lines = (
        line
        for group, points in groups.items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in points.items()))
    )
    (folder / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main(Path.cwd(), Path(sys.argv[1])))
