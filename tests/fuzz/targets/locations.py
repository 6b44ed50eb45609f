"""Files that list locations, in each of their formats."""

from __future__ import annotations

import os
import tempfile

from codeserver.config import Config
from codeserver.errors import OperatorError
from codeserver.locations import read

_NAMES = ("locations.toml", "workspace.yaml", "dg.toml", "pyproject.toml", "locations")

_TOML = b"""
[locations.fruit]
python_file = "fruit.py"
max_workers = 2
container_context = {k8s = {}}
hosts = ["a.example"]
env = {A = "b"}
[locations."a.b"]
module_name = "shop"
startup_timeout = "10m"
include = ["*.sql"]
"""
_YAML = b"""
load_from:
  - python_file: a.py
  - python_module: {module_name: shop, attribute: defs, location_name: "x"}
  - python_package: &p
      package_name: {env: HOME}
      working_directory: here
      executable_path: ~/python
  - python_package: {<<: *p, package_name: b}
  - grpc_server: {host: localhost, port: 4266}
"""
_DG = b"""
directory_type = "workspace"
[workspace]
[[workspace.projects]]
path = "projects/a"
[[workspace.projects]]
path = "b"
"""

SEEDS = [
    b"\0" + _TOML,
    b"\1" + _YAML,
    b"\2" + _DG,
    b"\3[tool.dg]\n" + _DG.replace(b"[workspace", b"[tool.dg.workspace"),
    b"\4" + _YAML,
    b'\1load_from: [!!int "", !!float "", !!timestamp "", ? [a] : b, !!binary "x"]',
    b"\1load_from: " + b"[" * 50,
    b"\0a = " + b"[" * 50,
]


def check(data: bytes) -> None:
    """It lists at least one location, or it is refused in one line that names the file."""
    if not data:
        return
    warned: list[str] = []
    name = _NAMES[data[0] % len(_NAMES)]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(data[1:])
        try:
            entries = read(path, Config(), warned.append)
        except OperatorError as why:
            assert name in str(why)
            assert "\n" not in str(why)
            return
    assert entries
    assert len({each.name for each in entries}) == len(entries)
    for each in entries:
        assert each.target
        assert each.hosts == tuple(host.lower() for host in each.hosts)
