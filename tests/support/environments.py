"""Environments of Python: made in a moment, of links to what is installed for the tests."""

from __future__ import annotations

import os
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path

INSTALLED = Path(sysconfig.get_path("purelib"))

OF_CODESERVER = (
    "codeserver",
    "_codeserver",
    "uvloop",
    "watchfiles",
    "grpc_reflection",
    "hpack",
    "httptools",
)
"""What the server needs and Dagster does not, as beginnings of names."""

PORTABLE = "without_linux.pth"
"""Takes the ways of Linux away in each environment (`make test-portable`)."""

OF_DAGSTER = ("dagster", "alembic", "structlog", "sqlalchemy", "SQLAlchemy")
"""What Dagster needs and the server does not."""


def make(path: Path, *, without: tuple[str, ...]) -> Path:
    """The `python` of a new environment with all installed packages but some."""
    venv.create(path, symlinks=True)
    (packages,) = path.glob("lib/python*/site-packages")
    link(packages, without=without)
    return path / "bin" / "python"


def link(packages: Path, *, without: tuple[str, ...]) -> None:
    """Add links to all installed packages but some."""
    for found in INSTALLED.iterdir():
        is_begun = found.suffix == ".pth" and found.name != PORTABLE
        is_left_out = is_begun or found.name.startswith(without)
        if not is_left_out and not (packages / found.name).exists():
            os.symlink(found, packages / found.name)


def packages_of(python: Path) -> Path:
    """Where its packages are."""
    (packages,) = python.parent.parent.glob("lib/python*/site-packages")
    return packages


def replace(packages: Path, changes: Mapping[str, str]) -> None:
    """Put files of these contents in the place of links, or nothing for an empty content.

    Args:
        packages: where the packages are.
        changes: contents by path, such as `dagster/version.py`.
    """
    for name, content in changes.items():
        *folders, _ = Path(name).parts
        folder = packages
        for each in folders:
            folder = folder / each
            if folder.is_symlink():
                target = folder.resolve()
                folder.unlink()
                folder.mkdir()
                for found in target.iterdir():
                    (folder / found.name).symlink_to(found)
        path = packages / name
        path.unlink(missing_ok=True)
        if content:
            path.write_text(content)
