"""A database that another process holds is taken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from codeserver.worker.loading.taken import is_for_what_is_taken


def test_a_database_of_another_process(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    program = f"import duckdb; kept = duckdb.connect({path!r}); print(flush=True); input()"
    holding = [sys.executable, "-c", program]
    with subprocess.Popen(holding, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            with pytest.raises(duckdb.IOException) as raised:
                duckdb.connect(path)
        finally:
            process.communicate()
    assert is_for_what_is_taken(raised.value)
