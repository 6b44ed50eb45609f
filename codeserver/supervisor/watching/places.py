"""The directories to watch for changes of the files that matter."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

from codeserver.marks import DEFINITION_SUFFIXES
from codeserver.supervisor.watching.picture import Picture

_MOST_LINKS = 40

_REMOTE = (
    *("9p", "nfs", "cifs", "smb", "fuse", "virtiofs", "vboxsf", "prl_fs", "vmhgfs", "ceph"),
    *("afs", "lustre", "gfs", "ocfs"),
)
"""Prefixes of the types of file systems that other machines write to, such as the host of a
virtual machine."""


@dataclass(frozen=True)
class Places:
    """Existing directories without links in their paths.

    Attributes:
        entries: the names of files, directories and links that matter, by directory.
        listed: the directories in which new files and directories matter.
        whole: the directories in which everything matters.
    """

    entries: Mapping[str, Set[str]]
    listed: frozenset[str]
    whole: frozenset[str]

    @property
    def directories(self) -> Set[str]:
        """All the directories."""
        return self.entries.keys()

    def may_matter(self, path: str) -> bool:
        """Whether an event at this path is a reason to look for changes."""
        folder, name = os.path.split(path)
        if name in self.entries.get(folder, ()) or folder in self.whole:
            return True
        # A name without a suffix may be a directory.
        return folder in self.listed and (name.endswith(DEFINITION_SUFFIXES) or "." not in name)


def places_of(picture: Picture) -> Places:
    """The directories in which changes of the files in this picture show.

    They are the directories of each file and of each link on its path, because a deployment may
    replace a link far up. For a missing file, it is the directory in which it would appear.
    """
    entries: dict[str, set[str]] = {}
    for path in {*picture.files, *(os.path.join(folder, "") for folder in picture.folders)}:
        for folder, name in _steps(path):
            entries.setdefault(folder, set()).add(name)
    return Places(
        entries,
        frozenset(map(os.path.realpath, picture.folders)),
        frozenset(map(os.path.realpath, picture.root_folders)),
    )


def places_of_file(path: str) -> Places:
    """The directories in which changes of one file show; see `places_of`."""
    entries: dict[str, set[str]] = {}
    for folder, name in _steps(path):
        entries.setdefault(folder, set()).add(name)
    return Places(entries, frozenset(), frozenset())


def _steps(path: str) -> Iterator[tuple[str, str]]:
    """The directories, and the names in them, on which the target of a path depends.

    Args:
        path: an absolute path; one that ends with a separator is that of a directory.
    """
    left = _parts(path)
    if path.endswith(os.sep):
        left.insert(0, "")
    here, links = os.sep, 0
    while left:
        name = left.pop()
        if name == os.pardir:
            here = os.path.dirname(here)
            continue
        there = os.path.join(here, name)
        target = _target(there) if name and links < _MOST_LINKS else None
        if target is not None:
            links += 1
            yield here, name
            left += _parts(target)
            here = os.sep if os.path.isabs(target) else here
        elif not left or not os.path.isdir(there):
            yield here, name
            return
        else:
            if len(left) == 1:
                yield here, name  # the directory itself may be replaced
            here = there


def _parts(path: str) -> list[str]:
    """The names in a path, the last one first."""
    return [part for part in reversed(path.split(os.sep)) if part not in ("", os.curdir)]


def _target(path: str) -> str | None:
    """The target of a link; None if the path is not a link."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def on_remote_file_systems(directories: Iterable[str]) -> list[str]:
    """The directories whose file systems may not notify the server of changes."""
    mounts = _mounts()
    found = []
    for directory in directories:
        at = max((m for m in mounts if _is_below(directory, m)), key=len, default="")
        if mounts.get(at, "").startswith(_REMOTE):
            found.append(directory)
    return found


def _is_below(path: str, mount: str) -> bool:
    return path == mount or path.startswith(mount.rstrip(os.sep) + os.sep)


def _mounts() -> dict[str, str]:
    """The types of the mounted file systems, by mount point; see proc(5)."""
    found = {}
    with contextlib.suppress(OSError), open("/proc/self/mountinfo", encoding="utf-8") as lines:
        for line in lines:
            before, _, after = line.partition(" - ")
            point = before.split()[4]
            for code, character in (("\\040", " "), ("\\011", "\t"), ("\\134", "\\")):
                point = point.replace(code, character)
            found[point] = after.split()[0]
    return found
