"""The Dagster that is installed for this Python, seen from its files. Imports nothing of it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from codeserver.marks import Mark, mark

OLDEST = "1.10"
NEWEST_TESTED = "1.13.27"

_VERSION = re.compile(r"""^__version__(?:: \w+)? = ["']([^"']+)["']""", re.MULTILINE)
_PINS_DAGSTER = re.compile(r"^Requires-Dist: dagster(?:-shared)? ?\(?==([\w.]+)", re.MULTILINE)
_DISTRIBUTION = re.compile(r"(dagster(?:[-_.]\w+)*)-([^-]+)\.dist-info")

_OF_OTHER_PROCESSES = ("dagster_webserver", "dagster_graphql", "dagster_dg", "dagster_cloud_cli")
"""Beginnings of packages that a code server does not use."""

_OWN_PARTS = ("dagster-shared ", "dagster-pipes ")
"""Packages without which Dagster cannot be imported."""

_LONGEST_METADATA = 1_000_000

_MOST_REASONS = 5

_OF_MISFITS = (ImportError, AttributeError, TypeError, KeyError)

_REMEDY = f"install Dagster {OLDEST} to {NEWEST_TESTED}, or a newer codeserver"


class Unusable(Exception):
    """The installed Dagster cannot be used. The message is a line for the operator."""


@dataclass(frozen=True)
class Installation:
    """What is installed where the first `dagster` on `sys.path` is.

    Attributes:
        folder: the directory of the package `dagster`; empty if there is none.
        others: the directories of further ones on the path, which are never imported.
    """

    folder: str
    others: tuple[str, ...] = ()

    @cached_property
    def version(self) -> str:
        """The version of Dagster; empty if it cannot be found out."""
        return _version_in(self.folder)

    @property
    def is_newer_than_tested(self) -> bool:
        """Whether nobody has tested codeserver with this version."""
        return numbers(self.version) > numbers(NEWEST_TESTED)

    @property
    def is_too_old(self) -> bool:
        """Whether codeserver does not support this version."""
        return bool(self.version) and numbers(self.version) < numbers(OLDEST)

    @property
    def marks(self) -> Mapping[str, Mark | None]:
        """Files that every other installation replaces, with their marks."""
        packages = os.path.dirname(self.folder)
        shared = os.path.join(packages, "dagster_shared", "version.py")
        paths = [os.path.join(self.folder, "version.py"), shared]
        return {path: mark(path) for path in paths if os.path.exists(path)}

    @property
    def missing_files(self) -> list[str]:
        """Modules of Dagster's packages that are listed as installed, and are not there."""
        packages = os.path.dirname(self.folder)
        found = []
        for name, _, folder in self._distributions():
            if name in ("dagster", "dagster_shared", "dagster_pipes"):
                found += [
                    path
                    for path in _recorded(folder)
                    if path.endswith(".py") and not os.path.exists(os.path.join(packages, path))
                ]
        return found

    @property
    def strangers(self) -> list[str]:
        """Packages of another version of Dagster that its code server uses, in words."""
        found = []
        for name, version, folder in self._distributions():
            if name == "dagster" or name.startswith(_OF_OTHER_PROCESSES):
                continue
            pin = _PINS_DAGSTER.search(_read(os.path.join(folder, "METADATA")))
            wanted = pin[1] if pin else ""
            if name in ("dagster_shared", "dagster_pipes"):
                wanted = version
            if wanted and self.version and numbers(wanted) != numbers(self.version):
                found.append(f"{name.replace('_', '-')} {version} belongs to Dagster {wanted}")
        return found

    def _distributions(self) -> Iterator[tuple[str, str, str]]:
        """The name, the version and the directory of facts of each of Dagster's packages."""
        packages = os.path.dirname(self.folder)
        try:
            names = sorted(os.listdir(packages))
        except OSError:
            return
        for each in names:
            if found := _DISTRIBUTION.fullmatch(each):
                yield found[1].lower().replace("-", "_"), found[2], os.path.join(packages, each)


def look() -> Installation:
    """The installation that `import dagster` would take."""
    try:
        spec = importlib.util.find_spec("dagster")
    except (ImportError, ValueError):
        spec = None
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not places:
        return Installation("")
    first = os.path.abspath(places[0])
    real = os.path.realpath(first)
    on_path = (os.path.join(os.path.abspath(entry), "dagster") for entry in sys.path)
    others = {
        os.path.realpath(folder): None
        for folder in on_path
        if _has_init(folder) and os.path.realpath(folder) != real
    }
    return Installation(first, tuple(others))


def remarks(found: Installation) -> list[str]:
    """What is odd about an installation that can be imported, one line each."""
    lines = []
    if found.others:
        lines.append(
            f"Dagster is installed twice: {found.folder} ({found.version}) is used, and "
            f"{', '.join(found.others)} is not; remove one of them"
        )
    if strangers := found.strangers:
        lines.append(
            f"Dagster {found.version} is installed with packages of another version: "
            f"{'; '.join(strangers)}; install them in one version"
        )
    return lines


def refuse_too_old(found: Installation) -> None:
    """Raise `Unusable` for a version that codeserver does not support."""
    if found.is_too_old:
        raise Unusable(f"Dagster {found.version} is too old; {_REMEDY}")


def why_not(error: BaseException, missing_names: Callable[[], list[str]]) -> BaseException:
    """The reason why the installed Dagster cannot be used; the error itself if it is not known.

    Args:
        error: what its import has raised.
        missing_names: tells what codeserver needs of Dagster and cannot find.
    """
    found = look()
    if not found.folder:
        return error
    if missing := found.missing_files:
        more = f" and {len(missing) - 1} more files" if len(missing) > 1 else ""
        return Unusable(
            f"Dagster {found.version} is only half there: {missing[0]} is missing in "
            f"{os.path.dirname(found.folder)}{more}; install it anew"
        )
    if strangers := [each for each in found.strangers if each.startswith(_OWN_PARTS)]:
        return Unusable(f"{'; '.join(strangers)}, and not to {found.version}: {error}")
    if not isinstance(error, _OF_MISFITS) or not _can_be_imported():
        return error
    names = missing_names()
    return misfit(found, [f"it has no {name}" for name in names]) if names else error


def _can_be_imported() -> bool:
    """Whether Dagster itself can be, so that what is missing is only what codeserver looks for."""
    try:
        importlib.import_module("dagster")
    except Exception:
        return False
    return True


def misfit(found: Installation, reasons: Sequence[str]) -> Unusable:
    """The reason for a Dagster whose internals do not fit."""
    shown = ", ".join(reasons[:_MOST_REASONS])
    if len(reasons) > _MOST_REASONS:
        shown += f" and {len(reasons) - _MOST_REASONS} more"
    return Unusable(f"Dagster {found.version} does not fit: {shown}; {_REMEDY}")


def too_new(found: Installation, differences: Sequence[str]) -> str:
    """The line for a version that nobody has tested codeserver with, and that seems to fit."""
    known = f"; {', '.join(differences[:_MOST_REASONS])}" if differences else ""
    return (
        f"Dagster {found.version} is newer than {NEWEST_TESTED}, up to which this codeserver is "
        f"tested{known}"
    )


def numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, for comparisons; without what follows them, such as `rc1`."""
    if "dev" in version:  # of a checkout
        return (sys.maxsize,)
    found = re.match(r"\d+(?:\.\d+)*", version)
    parts = [int(each) for each in found[0].split(".")] if found else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _version_in(folder: str) -> str:
    text = _read(os.path.join(folder, "version.py")) if folder else ""
    found = _VERSION.search(text)
    return found[1] if found else ""


def _has_init(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "__init__.py"))


def _recorded(folder: str) -> list[str]:
    lines = _read(os.path.join(folder, "RECORD")).splitlines()
    return [line.split(",", 1)[0] for line in lines]


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LONGEST_METADATA)
    except OSError:
        return ""
