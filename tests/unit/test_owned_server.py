"""What a server has written that belongs to a program."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from codeserver.embedding.owned_server import _Output
from tests.support.eventually import eventually


@pytest.mark.parametrize("goes_on", [False, True], ids=["ends", "a run goes on"])
def test_all_is_read_that_one_that_has_ended_has_written(
    goes_on: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late the thread comes to it."""
    late = threading.Event()
    follow = _Output._follow

    def follow_late(output: _Output) -> None:
        late.wait()
        follow(output)

    monkeypatch.setattr(_Output, "_follow", follow_late)
    reader, writer = os.pipe()
    log = (tmp_path / "log").open("ab", buffering=0)
    with os.fdopen(reader, "rb") as stream, os.fdopen(writer, "wb", buffering=0) as server:
        output = _Output(stream, log)
        server.write(b"last words\n")
        if not goes_on:
            server.close()

        output.read()

        assert output.text == (tmp_path / "log").read_text() == "last words\n"
        server.close()
        late.set()
        eventually(lambda: stream.closed and log.closed)
