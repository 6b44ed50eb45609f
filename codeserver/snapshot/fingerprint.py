"""Fingerprints of the files, packages and settings of a snapshot, and their differences."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from codeserver.config import Config
from codeserver.contents import open_regular
from codeserver.letters import as_path, clean
from codeserver.marks import names_that_count
from codeserver.snapshot import v1
from codeserver.supervisor.processes import interpreter
from codeserver.target import Target, current_directory

_DISTRIBUTION = ".dist-info"
_READ_SIZE = 1 << 20
_MOST_BYTES = 1 << 30


def take(
    config: Config, target: Target, files: Iterable[str], directories: Iterable[str]
) -> v1.Fingerprint:
    """The fingerprint of the present files, packages and settings.

    Paths are absolute, or relative to the current directory. The packages are those of the Python
    that loads the code.
    """
    from importlib import metadata

    python = interpreter.about(config.python)
    return v1.Fingerprint(
        codeserver_version=metadata.version("codeserver"),
        python_version=f"{python.implementation} {python.version}",
        distributions=_distributions(python.path),
        settings=_settings(config, target),
        files={clean(path): _digest_of_file(path) for path in _relative(files)},
        directories={clean(path): _digest_of_directory(path) for path in _relative(directories)},
    )


def differences(then: v1.Fingerprint, now: v1.Fingerprint) -> Iterator[str]:
    """The differences in words, the most important first."""
    for name, what in (("codeserver_version", "codeserver"), ("python_version", "Python")):
        old, new = getattr(then, name), getattr(now, name)
        if old != new:
            yield f"{what} was {old} and is {new}"
    for name in _different(then.settings, now.settings):
        old, new = then.settings.get(name, ""), now.settings.get(name, "")
        yield f"{name} was {old or 'not given'} and is {new or 'not given'}"
    for path in _different(then.files, now.files):
        if not now.files.get(path):
            yield f"{path} is gone or cannot be read"
        else:
            yield f"{path} is new" if not then.files[path] else f"{path} has changed"
    for path in _different(then.directories, now.directories):
        yield f"files have come or gone in {path or '.'}"
    yield from _packages(then.distributions, now.distributions)


def _packages(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in _different(then, now):
        if name not in now:
            yield f"package {name} is not installed any more"
        elif name not in then:
            yield f"package {name} was not installed"
        else:
            yield f"the files of package {name} have changed"


def _different(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*then, *now} if then.get(name) != now.get(name))


def _settings(config: Config, target: Target) -> dict[str, str]:
    """The settings that decide on the definitions, by the names of their options."""
    given = {
        **dataclasses.asdict(target),
        "defs_state_info": config.defs_state_info,
        "inject_env_vars_from_instance": config.inject_env_vars_from_instance or None,
        "location_name": config.location_name,
    }
    return {
        f"--{name.replace('_', '-')}": clean(str(value))
        for name, value in given.items()
        if value is not None
    }


def _distributions(path: Iterable[str]) -> dict[str, str]:
    """Digests of all installed distributions. The first of a name on the path hides the others."""
    found: dict[str, str] = {}
    for folder in path:
        try:
            names = os.listdir(folder or os.curdir)
        except OSError:
            continue
        for name in names:
            if name.endswith(_DISTRIBUTION):
                record = os.path.join(folder, name, "RECORD")
                found.setdefault(name.removesuffix(_DISTRIBUTION), _digest_of_file(record))
    return found


def _digest_of_file(path: str) -> str:
    """The digest of a file; empty if it is missing, unreadable, a device or a pipe.

    Of a file over 1 GiB, only the size and the beginning count.
    """
    digest = hashlib.sha256()
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > _MOST_BYTES:
                digest.update(f"{size}:".encode())
            left = _MOST_BYTES
            while left > 0 and (chunk := stream.read(min(left, _READ_SIZE))):
                digest.update(chunk)
                left -= len(chunk)
    except OSError:
        return ""
    return digest.hexdigest()


def _digest_of_directory(path: str) -> str:
    """The digest of the names of its files; empty if it is no directory.

    Directories in it do not count: volumes, logs and data come and go.
    """
    if not Path(path).is_dir():
        return ""
    files, _ = names_that_count(path or os.curdir)
    return hashlib.sha256("\0".join(sorted(files)).encode(errors="surrogateescape")).hexdigest()


def _relative(paths: Iterable[str]) -> Iterator[str]:
    """Paths below the current directory become relative to it, so that it may be another one."""
    here = f"{current_directory()}{os.sep}"
    for path in map(as_path, paths):
        yield "" if os.path.join(path, "") == here else path.removeprefix(here)
