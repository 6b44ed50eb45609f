"""Changes of several locations while one serves, has runs, or shuts down."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.differential import calls
from tests.differential.running import current_runs
from tests.process.running import final_status, launch_patient
from tests.process.serving import LIMIT, USER_CODE, run
from tests.process.several import serve_several
from tests.process.watching import CODESERVER
from tests.support.eventually import eventually

REPO = USER_CODE / "repo.py"


@pytest.mark.parametrize("kind", ["file", "socket in use"])
def test_what_is_at_the_path_of_a_socket_stays(kind: str, work: Path) -> None:
    path = work / "there"
    with socket.socket(socket.AF_UNIX) as other:
        if kind == "file":
            path.write_text("precious")
        else:
            other.bind(str(path))
            other.listen()
        before = path.stat()
        (work / "locations.toml").write_text(
            f'[locations.a]\npython_file = "{REPO}"\nsocket = "{path}"\n'
        )
        command = (*CODESERVER, "grpc", "--locations", "locations.toml", "-s", str(work / "s"))
        ended = run(*command, cwd=work)
    assert ended.code == 1, ended
    assert str(path) in ended.output
    assert path.stat().st_ino == before.st_ino


HELD = f"""import os, pathlib, sys, time
here = pathlib.Path(__file__).parent
if "HELD" in os.environ:
    (here / "begun").touch()
    while not (here / "go").exists():
        time.sleep(0.01)
sys.path.append({str(USER_CODE)!r})
from repo import defs
"""


def test_a_run_that_starts_during_a_change_can_be_cancelled_after_it(
    home: Path, work: Path
) -> None:
    code = work / "held.py"
    code.write_text(HELD)
    with serve_several(home, work, {"a": {"python_file": code}}) as several:
        several.ready("a")
        several.take_up({"a": {"python_file": code, "env": {"HELD": "1"}}})
        eventually((work / "begun").exists, what="the load of the changed location")
        server = several.location("a")

        launched = launch_patient(server, work / "release")
        (work / "go").touch()
        eventually(
            lambda: several.whole.server.text.count("load #1: serving") == 2,
            what="the changed location",
        )

        assert current_runs(server) == [launched.run_id]
        reply: Any = calls.can_cancel(launched.run_id).make(server)
        assert reply.can_cancel
        (work / "release").touch()
        final_status(launched)


def test_a_location_that_is_told_to_shut_down_during_a_shutdown_is_not_made_anew(
    home: Path, work: Path
) -> None:
    with serve_several(home, work, {"a": {"python_file": REPO}}) as several:
        several.ready("a")
        server = several.location("a")
        launched = launch_patient(server, work / "release")
        several.whole.front.send_signal(signal.SIGTERM)
        eventually(
            lambda: "shutting down; 1 runs" in several.whole.server.text, what="the shutdown"
        )

        server.client.shutdown_server()
        (work / "release").touch()

        assert several.whole.front.wait(LIMIT) == 0
        assert several.whole.server.text.count("load #1") == 1
        final_status(launched)


def test_a_change_that_has_failed_is_tried_again_at_sighup(home: Path, work: Path) -> None:
    code = work / "broken.py"
    code.write_text("raise RuntimeError('not yet')")
    changed = {"a": {"python_file": code}}
    with serve_several(home, work, {"a": {"python_file": REPO}}) as several:
        several.ready("a")
        several.take_up(changed)
        eventually(lambda: several.told("a").failed_loads, what="the failure")
        code.write_text(REPO.read_text())

        several.take_up(changed)

        eventually(
            lambda: several.told("a").target.python_file == str(code), what="the changed location"
        )


def test_a_python_that_does_not_start_keeps_no_other_location_waiting(
    home: Path, work: Path
) -> None:
    hanging = work / "python"
    hanging.write_text(f"#!/bin/sh\ntouch {work}/begun\nexec cat {work}/never\n")
    hanging.chmod(0o755)
    os.mkfifo(work / "never")
    entries = {"a": {"python_file": REPO}}
    with serve_several(home, work, entries) as several:
        several.ready("a")
        several.take_up({**entries, "b": {"python_file": REPO, "python": hanging}})
        eventually((work / "begun").exists, what="the start of the Python")

        assert several.location("a").client.get_server_id(timeout=10)
        assert several.names() == ["a", "b"]
