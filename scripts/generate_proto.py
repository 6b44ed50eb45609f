"""Write the Python code of the protos, or check that the committed code is what they give.

Run by ``make proto`` and ``make proto-check``, with the Python of ``.cache/proto-venv``.
"""

from __future__ import annotations

import argparse
import difflib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Proto:
    """One proto file and where its code goes.

    Attributes:
        source: The proto, from the root of the checkout.
        package: The directory of the Python package that gets the code, from the root.
        private: Give the module its own descriptor pool, see ``PRIVATE``.
        has_service: Write a client stub, too.
    """

    source: str
    package: str
    private: bool = False
    has_service: bool = False

    @property
    def stem(self) -> str:
        """The common prefix of the paths of the generated files, from the root."""
        return f"{self.package}/{Path(self.source).stem}_pb2"


API = "codeserver/api/v1"
SNAPSHOT = "codeserver/snapshot/v1"

PROTOS = (
    Proto("proto/codeserver/dagster/dagster_api.proto", "codeserver/dagster_wire", private=True),
    Proto("proto/grpc/health/v1/health.proto", "codeserver/health_wire", private=True),
    Proto(f"proto/{API}/code_location.proto", API, has_service=True),
    Proto(f"proto/{API}/definitions.proto", API),
    Proto(f"proto/{API}/location.proto", API),
    Proto(f"proto/{SNAPSHOT}/location_snapshot.proto", SNAPSHOT),
)

# Generated modules register their names in one pool per process, which refuses a name that is
# taken. Dagster's own module takes `api.PingRequest` and the other names, and a process may import
# both, as tests do. So our module gets its own pool, and so does the module for health checks,
# whose names gRPC's own module takes.
# This is enough for the C implementation. The pure Python one registers the names again when the
# builder makes the classes, so the code makes the classes without the builder.
PRIVATE = (
    ("_descriptor_pool.Default()", "_descriptor_pool.DescriptorPool()"),
    (
        "import symbol_database as _symbol_database\n",
        "import message_factory as _message_factory\n",
    ),
    ("_sym_db = _symbol_database.Default()\n", ""),
    (
        "_builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, '{module}', _globals)\n",
        "for _name, _item in DESCRIPTOR.services_by_name.items():\n"
        "  _globals['_' + _name.upper()] = _item\n"
        "for _name, _item in DESCRIPTOR.message_types_by_name.items():\n"
        "  _globals[_name] = _message_factory.GetMessageClass(_item)\n"
        "  _globals[_name].__module__ = __name__\n",
    ),
)

HEADER = "# Written by `make proto` from {source}; change that file instead.\n"


def generate(out: Path) -> None:
    """Write the code of every proto below ``out``."""
    # Mapping the package's directory to the proto's directory gives the code its final module name.
    include = {f"-I{proto.package}={Path(proto.source).parent}" for proto in PROTOS}
    protoc = [sys.executable, "-m", "grpc_tools.protoc", *sorted(include)]
    for proto in PROTOS:
        wanted = ["python", "pyi", *(["grpc_python"] if proto.has_service else [])]
        source = f"{proto.package}/{Path(proto.source).name}"
        outputs = [f"--{kind}_out={out}" for kind in wanted]
        subprocess.run([*protoc, *outputs, source], cwd=ROOT, check=True)
        for path in sorted((out / proto.package).glob(f"{Path(proto.stem).name}*")):
            code = path.read_text(encoding="utf-8")
            if proto.private and path.suffix == ".py":
                code = make_private(code, proto.stem.replace("/", "."))
            path.write_text(HEADER.format(source=proto.source) + code, encoding="utf-8")


def make_private(code: str, module: str) -> str:
    """Give a generated module a descriptor pool of its own.

    Args:
        code: The module as protoc wrote it.
        module: Its full name.

    Raises:
        SystemExit: The code is not of the form that ``PRIVATE`` knows.
    """
    for old, new in PRIVATE:
        wanted = old.format(module=module)
        if code.count(wanted) != 1:
            sys.exit(f"make proto: {module}: expected this once in the generated code: {wanted!r}")
        code = code.replace(wanted, new)
    return code


def difference(out: Path) -> list[str]:
    """The differences between the committed code and the code below ``out``, in lines of text."""
    found: list[str] = []
    for package in sorted({proto.package for proto in PROTOS}):
        fresh = {path.name for path in (out / package).glob("*_pb2*")}
        committed = {path.name for path in (ROOT / package).glob("*_pb2*.py*")}
        found += [f"{package}/{name}: not from any proto" for name in sorted(committed - fresh)]
        found += [f"{package}/{name}: missing" for name in sorted(fresh - committed)]
        for name in sorted(fresh & committed):
            old, new = (
                (base / package / name).read_text(encoding="utf-8").splitlines()
                for base in (ROOT, out)
            )
            diff = list(difflib.unified_diff(old, new, "committed", "generated", n=0, lineterm=""))
            if diff:
                found.append(f"{package}/{name}: not what the proto gives")
                found += [f"    {line[:120]}" for line in diff[:12]]
    return found


def main() -> int:
    """Generate or check the code; returns the exit code, 1 if the check finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, compare only")
    check = parser.parse_args().check
    if not check:
        generate(ROOT)
        return 0
    with tempfile.TemporaryDirectory() as directory:
        generate(Path(directory))
        found = difference(Path(directory))
    if found:
        message = "make proto-check: the generated code is out of date; run `make proto`"
        print(message, *found, sep=os.linesep, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
