"""A base has done what each location would repeat, and leaves no trace that code could see."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import logging, os, signal, sys, warnings
from codeserver.system import IS_LINUX
from codeserver.worker import dagster_internals as dagster
from codeserver.worker.process import basics
from codeserver.worker.process.fork_safety import reasons_not_to_fork
from codeserver.worker.roles import base, template

def facts():
    return {
        "variables": dict(os.environ),
        "directory": os.getcwd(),
        "path": sys.path[:],
        "arguments": sys.argv[:],
        "filters": warnings.filters[:],
        "shown by": warnings.showwarning,
        "handlers": [*logging.getLogger().handlers, *logging.getLogger("dagster").handlers],
        "levels": [logging.getLogger(name).level for name in ("", "dagster")],
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "has context": dagster.DefinitionsLoadContext.is_set(),
    }

own = basics.open_descriptors(), basics.threads()
before, modules = facts(), set(sys.modules)
base.share()
assert facts() == before, (before, facts())
reasons = reasons_not_to_fork(*own) if IS_LINUX else []  # the audit needs Linux
assert not reasons, reasons
new = {name.partition(".")[0] for name in set(sys.modules) - modules}
assert "codeserver.worker.loading.sample" in sys.modules
assert not new & {"antlr4", "grpc"}, new
assert not template.installed().modules

modules = set(sys.modules)
base._use_dagster()
assert set(sys.modules) == modules
base.preparing.prepare_instance()
assert set(sys.modules) == modules
"""


def test_what_all_locations_need_is_done_before_they_are_forked() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stdout + done.stderr
