"""Programs as the first process of a namespace of processes, which they are in a container."""

from __future__ import annotations

import shutil
import subprocess

FIRST_PROCESS = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"]
"""What to put in front of a command line."""


def can_be_first() -> bool:
    """Whether this user may make such a namespace."""
    if shutil.which("unshare") is None:
        return False
    return (
        subprocess.run([*FIRST_PROCESS, "true"], capture_output=True, check=False).returncode == 0
    )
