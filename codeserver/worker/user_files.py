"""Recognize the user's files: those that belong to neither Python nor an installed package."""

from __future__ import annotations

import functools
import os
import sysconfig
from types import ModuleType

from codeserver.marks import OWN_FOLDER

_SYSTEM = ("/proc", "/sys", "/dev")
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_CACHE = "__pycache__"


def _standard_library() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple(paths[name] for name in ("stdlib", "platstdlib"))


_NOT_THE_USERS = tuple(f"{path}{os.sep}" for path in (*_SYSTEM, *_standard_library(), OWN_FOLDER))


@functools.lru_cache(maxsize=4096)
def is_users_directory(path: str) -> bool:
    """Whether files in the directory with this absolute path are the user's."""
    if f"{path}{os.sep}".startswith(_NOT_THE_USERS):
        return False
    parts = path.split(os.sep)
    return parts[-1] != _CACHE and _INSTALLED.isdisjoint(parts)


def is_users_file(path: str) -> bool:
    """Whether the file with this absolute path is the user's."""
    return is_users_directory(os.path.dirname(path))


def origin_of(module: object) -> str | None:
    """The file of an entry of `sys.modules`; None if it has none.

    The entry may be any object, so this calls none of its methods.
    """
    if not issubclass(type(module), ModuleType):
        return None
    spec = object.__getattribute__(module, "__dict__").get("__spec__")
    origin = getattr(spec, "origin", None)
    return origin if isinstance(origin, str) and os.path.isabs(origin) else None
