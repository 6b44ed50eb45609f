"""Where to look out for changes of the files that matter."""

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
"""How the types of file systems begin that other machines write to, such as a virtual machine's
host."""


@dataclass(frozen=True)
class Places:
    """Directories that exist, without links in their paths.

    Attributes:
        entries: names in each of them that matter: of files, directories and links.
        listed: those of them in which new files and directories matter.
        whole: those of them in which everything matters.
    """

    entries: Mapping[str, Set[str]]
    listed: frozenset[str]
    whole: frozenset[str]

    @property
    def directories(self) -> Set[str]:
        """All of them."""
        return self.entries.keys()

    def may_matter(self, path: str) -> bool:
        """Whether something that has happened to this path is a reason to look."""
        folder, name = os.path.split(path)
        if name in self.entries.get(folder, ()) or folder in self.whole:
            return True
        # What has no suffix may be a directory.
        return folder in self.listed and (name.endswith(DEFINITION_SUFFIXES) or "." not in name)


def places_of(picture: Picture) -> Places:
    """Where changes show of what matters in this picture.

    That is in the directory of each file, and of each link on the way to it: a deployment may
    replace a link far up. Of what is not there, it is where it would appear.
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


def _steps(path: str) -> Iterator[tuple[str, str]]:
    """Directories and names in them that decide what a path leads to.

    Args:
        path: absolute; of a directory, when it ends with a separator.
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
    """Where a link leads; None for what is no link."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def on_remote_file_systems(directories: Iterable[str]) -> list[str]:
    """Those of the directories from which notifications may not come, by their mounts."""
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
    """Types of the mounted file systems, by where they are mounted; see proc(5)."""
    found = {}
    with contextlib.suppress(OSError), open("/proc/self/mountinfo", encoding="utf-8") as lines:
        for line in lines:
            before, _, after = line.partition(" - ")
            point = before.split()[4]
            for code, character in (("\\040", " "), ("\\011", "\t"), ("\\134", "\\")):
                point = point.replace(code, character)
            found[point] = after.split()[0]
    return found
