"""Which files are the user's: what nobody has installed."""

from __future__ import annotations

import json
import sysconfig
from pathlib import Path

import dagster
import pytest

import codeserver
from codeserver.worker.user_files import is_users_directory, is_users_file

LIBRARY = sysconfig.get_paths()["stdlib"]
OWN = str(Path(codeserver.__file__).parent)

USERS = {
    "/srv/app/repo.py": True,
    "/repo.py": True,
    "/srv/app/site/packages/repo.py": True,
    "/srv/my-site-packages/repo.py": True,
    "/srv/app/site-packages": True,  # a file of that name
    "/srv/app/site-packages/lib/module.py": False,
    "/usr/lib/python3/dist-packages/lib.py": False,
    "/srv/app/__pycache__/repo.cpython-311.pyc": False,
    "/srv/app/__pycache__/kept/repo.py": True,
    "/proc/self/maps": False,
    "/process/repo.py": True,
    "/sys/kernel/x.json": False,
    "/system/repo.py": True,
    "/dev/stdin": False,
    "/development/repo.py": True,
    json.__file__: False,
    dagster.__file__: False,
    f"{LIBRARY}/os.py": False,
    f"{LIBRARY}.backup/os.py": True,
    f"{OWN}/wire.py": False,
    f"{OWN}/worker/host.py": False,
    f"{OWN}_tools/repo.py": True,
    f"{OWN}.py": True,
    __file__: True,
}


@pytest.mark.parametrize(("path", "is_users"), USERS.items())
def test_whose_file_it_is(path: str, is_users: bool) -> None:
    assert is_users_file(path) is is_users


@pytest.mark.parametrize(
    ("path", "is_users"),
    [
        ("/", True),
        ("/srv/app", True),
        ("/srv/app/site-packages", False),
        ("/srv/app/__pycache__", False),
        ("/proc", False),
        (LIBRARY, False),
        (OWN, False),
        (str(Path(OWN).parent), True),
    ],
)
def test_whose_directory_it_is(path: str, is_users: bool) -> None:
    assert is_users_directory(path) is is_users
