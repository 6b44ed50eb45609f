"""Environments with other releases of Dagster, and which releases there are."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

ROOT = Path(__file__).parents[2]
RELEASES = Path(__file__).parent / "releases.txt"
FLOOR = "floor"
"""The oldest release of each library that `pyproject.toml` allows."""

_PLACE = ROOT / ".venv-versions"
_FIRST_MINOR = 10


def listed() -> list[str]:
    """The releases that are tested, from the oldest to the newest."""
    return RELEASES.read_text("utf-8").split()


def make(name: str) -> Path:
    """The `python` of an environment with codeserver, what its tests need, and one Dagster.

    Args:
        name: the release of Dagster, or `FLOOR`.
    """
    folder = _PLACE / name
    python, stamp = folder / "bin" / "python", folder / "made"
    if stamp.exists() and stamp.stat().st_mtime > (ROOT / "pyproject.toml").stat().st_mtime:
        return python
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "--clear", "-p", sys.executable, folder], check=True)
    wanted = folder / "wanted.txt"
    # The releases of Dagster's other packages follow from that of Dagster itself.
    lines = _floor() if name == FLOOR else [f"dagster=={name}"]
    wanted.write_text("\n".join(lines), "utf-8")
    # Tests start processes that write no bytecode, and would compile all libraries each time.
    uv += ["pip", "install", "-q", "--compile-bytecode", "-p", python]
    subprocess.run([*uv, "-c", wanted, "-e", ".[test,bench]"], cwd=ROOT, check=True)
    stamp.touch()
    return python


def refresh() -> None:
    """Write the list: the oldest and the newest release of each minor that the index has."""
    found: list[str] = []
    minor = _FIRST_MINOR
    while newest := _newest(f"1.{minor}"):
        found += dict.fromkeys([f"1.{minor}.0", newest])
        minor += 1
    RELEASES.write_text("".join(f"{each}\n" for each in found), "utf-8")


def _newest(minor: str) -> str:
    """The newest release for which all of Dagster's packages are there; empty without any."""
    uv = [sys.executable, "-m", "uv", "pip", "compile", "-q", "--no-annotate", "--no-header"]
    done = subprocess.run(
        [*uv, "-p", sys.executable, "--extra", "test", "-c", "-", "pyproject.toml"],
        input=f"dagster=={minor}.*",
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and f"dagster=={minor}.*" not in done.stderr:
        raise RuntimeError(done.stderr)
    pins = dict(line.split("==") for line in done.stdout.splitlines() if "==" in line)
    return pins.get("dagster", "")


def _floor() -> list[str]:
    """What pins the libraries of codeserver to the oldest releases that it allows."""
    needs = [each for each in requires("codeserver") or () if "extra ==" not in each]
    return [each.replace(">=", "==") for each in needs]
