"""The first load takes long: who waits for it is told what it does, and served when it ends."""

from __future__ import annotations

import os
from pathlib import Path

import grpc
import pytest
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._grpc.types import ListRepositoriesResponse

from tests.differential.plain import value
from tests.process.conftest import Start
from tests.process.editing import Since, logs
from tests.process.serving import USER_CODE, Server, in_background, skip_message
from tests.support.dagster_names import SerializableErrorInfo
from tests.support.eventually import eventually

SLOW = "open('go').close()\n" + (USER_CODE / "edition.py").read_text()


def still(server: Server) -> str:
    """What a client is told who asks for the repositories."""
    error = value(server.client.list_repositories())
    assert isinstance(error, SerializableErrorInfo)
    return error.message


def test_clients_are_told_what_is_still_being_imported(start: Start, work: Path) -> None:
    package = work / "warehouse"
    package.mkdir()
    (package / "__init__.py").write_text(SLOW)
    (work / "served.py").write_text("\nfrom warehouse import *\nfrom warehouse import defs\n")
    os.mkfifo(work / "go")
    server = start("-f", "served.py", "--first-load-wait", "0.1")

    where = "The code is still importing warehouse/__init__.py line 1, "
    eventually(lambda: still(server).startswith(where), what="the line that is executed")
    logs(server, "still importing warehouse/__init__.py line 1, ")
    assert server.client.health_check_query() == "NOT_SERVING"
    id_ = in_background(lambda: server.id)

    (work / "go").write_text("")  # which waits for whoever reads it

    assert eventually(id_.result), "it waits for the load"
    assert isinstance(value(server.client.list_repositories()), ListRepositoriesResponse)
    assert skip_message(server, "says") == "first"

    # The clients of a reload are answered meanwhile.
    log = Since(server)
    reload = in_background(server.reload)

    log.logs("still importing warehouse/__init__.py line 1, ")
    assert isinstance(value(server.client.list_repositories()), ListRepositoriesResponse)
    assert not reload.done()
    (work / "go").write_text("")
    assert reload.result() == ""


def test_a_launcher_that_waits_for_the_code_finds_nothing_until_it_is_loaded(
    start: Start, work: Path
) -> None:
    (work / "served.py").write_text(SLOW)
    os.mkfifo(work / "go")
    server = start("-f", "served.py", "--lazy-load-user-code", "--first-load-wait", "0.1")

    for call in (lambda: server.client.ping(""), server.client.list_repositories):
        with pytest.raises(DagsterUserCodeUnreachableError) as raised:
            call()
        status = raised.value.__cause__
        assert isinstance(status, grpc.Call)
        assert status.code() == grpc.StatusCode.UNAVAILABLE
        assert status.details().startswith("The code is still ")
    assert server.client.heartbeat("alive") == "alive"
    (work / "go").write_text("")

    assert eventually(lambda: server.client.ping("loaded")["echo"]) == "loaded"
    assert isinstance(value(server.client.list_repositories()), ListRepositoriesResponse)
