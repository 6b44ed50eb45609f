"""The versions of the measured software, and the machine."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def facts() -> dict[str, str]:
    """The versions and the machine, in words."""
    return {
        "codeserver": version("codeserver"),
        "dagster": version("dagster"),
        "grpcio": version("grpcio"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "load average before": load(),
    }


def load() -> str:
    """The load average of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
