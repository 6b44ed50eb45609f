"""What goes on while a watched file changes: nobody notices but who should."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import pytest
from dagster import DagsterRunStatus
from dagster._grpc.client import DagsterGrpcClient
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.differential.plain import value
from tests.process.conftest import Start
from tests.process.editing import (
    BROKEN,
    CODE,
    WATCHED,
    Since,
    edition,
    edition_by,
    logs,
    replace,
    says,
    shows,
)
from tests.process.running import final_status, launch_patient, messages
from tests.process.serving import LIMIT, Server, in_background, pid_in, serve, skip_message
from tests.support.dagster_names import SerializableErrorInfo
from tests.support.eventually import eventually
from tests.support.portable import needs_linux


@pytest.fixture(scope="module")
def shared(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("watched")
    replace(folder / "served.py", CODE)
    with serve(home, home / "watch_reloads.sock", *WATCHED, cwd=folder) as server:
        yield server


@pytest.fixture
def server(shared: Server) -> Server:
    """A server of the first edition, whatever earlier tests did."""
    replace(shared.folder / "served.py", CODE)
    assert not shared.reload()
    shows(shared, "first")
    hosts(shared, 1)
    return shared


@pytest.fixture
def served(server: Server) -> Path:
    """The file of that server."""
    return server.folder / "served.py"


@pytest.fixture
def file(work: Path) -> Path:
    """The file of a test that starts its own."""
    replace(work / "served.py", CODE)
    return work / "served.py"


def hosts(server: Server, count: int) -> None:
    eventually(lambda: len(server.processes("host")) == count, what=f"{count} hosts")


def test_ticks_and_runs_go_on_through_three_edits(server: Server, served: Path, work: Path) -> None:
    """Their hosts end when they do."""
    note = work / "tick"
    began_before = in_background(lambda: skip_message(server, "waits", note))
    pid_in(note)
    launched = launch_patient(server, work / "release")
    for name in ("second", "third", "fourth"):
        replace(served, edition(name))
        shows(server, name)
    hosts(server, 2)
    assert not began_before.done()
    note.with_suffix(".go").touch()
    assert began_before.result(LIMIT) == "first"
    (work / "release").touch()
    assert final_status(launched) is DagsterRunStatus.SUCCESS
    logged = messages(launched)
    assert "edition: first" in logged
    hosts(server, 1)


def waiting_for(gate: Path, name: str) -> str:
    """The code, which is not imported before the gate is there."""
    source = f"while not Path({str(gate)!r}).exists():\n    time.sleep(0.01)\nEDITION = '{name}'"
    return edition_by(source)


def test_a_change_during_a_load_begins_it_anew(server: Server, served: Path, work: Path) -> None:
    serving = server.only("host")
    replace(served, waiting_for(work / "never", "second"))
    hosts(server, 2)
    (stale,) = {*server.processes("host")} - {serving}
    asked_meanwhile = in_background(server.reload)
    assert says(server) == "first", "the code before answers"

    replace(served, edition("third"))

    shows(server, "third")
    assert asked_meanwhile.result(LIMIT) == "", "who waited for a load gets the newer one"
    eventually(lambda: not stale.is_running(), what="the stale load to be gone")
    hosts(server, 1)


@pytest.mark.parametrize("known", ["new", "there"])
def test_a_module_that_hangs_when_it_is_imported_first_can_be_repaired(
    server: Server, served: Path, work: Path, known: str
) -> None:
    """No load that has ended has used it."""
    sibling = served.with_name(f"sibling_{known}.py")
    hanging = f"import pathlib, time\nwhile not pathlib.Path({str(work / 'never')!r}).exists():\n"
    sibling.write_text("" if known == "there" else f"{hanging}    time.sleep(0.01)\n")
    shows(server, "first")
    if known == "there":
        sibling.write_text(f"{hanging}    time.sleep(0.01)\n")
    replace(served, edition_by(f"import {sibling.stem}\nEDITION = 'second'"))
    hosts(server, 2)
    sibling.write_text("PART = 1\n")
    shows(server, "second")
    hosts(server, 1)


def test_an_import_that_hangs_is_ended(start: Start, file: Path, work: Path) -> None:
    server = start(*WATCHED, "--startup-timeout", "5")
    shows(server, "first")
    replace(file, waiting_for(work / "never", "second"))
    logs(server, "took longer than 5 seconds (--startup-timeout)")
    error = value(server.client.list_repositories())
    assert isinstance(error, SerializableErrorInfo)
    assert "--startup-timeout" in error.message
    replace(file, edition("third"))
    shows(server, "third")
    hosts(server, 1)


def test_an_error_is_surfaced_and_goes_away(server: Server, served: Path) -> None:
    before = server.id
    replace(served, BROKEN)
    error = eventually(
        lambda: value(server.client.list_repositories()) if server.id != before else None,
        what="another id",
    )
    assert isinstance(error, SerializableErrorInfo)
    text = error.to_string()
    assert "RuntimeError: the user made a mistake" in text
    assert str(served) in text or served.name in text
    assert "/codeserver/" not in text
    assert server.client.health_check_query() == "SERVING"
    replace(served, CODE)
    shows(server, "first")
    assert server.id not in (before, ""), "who has not seen the error must not miss it"


def test_with_keep_an_error_is_told_to_everyone_who_asks(start: Start, file: Path) -> None:
    server = start(*WATCHED, "--on-reload-error", "keep")
    shows(server, "first")
    listed, before = server.client.list_repositories(), server.id
    assert health(server) == ("SERVING", {"codeserver-state": "ready"})
    assert health(server, "codeserver.LastLoad")[0] == "SERVING"

    replace(file, BROKEN)

    logs(server, "failed, the code loaded before is served on")
    assert (server.client.list_repositories(), server.id) == (listed, before)
    assert says(server) == "first"
    detail = {
        "codeserver-state": "ready",
        "codeserver-load-error": "RuntimeError: the user made a mistake",
    }
    assert health(server) == ("SERVING", detail)
    assert health(server, "codeserver.LastLoad") == ("NOT_SERVING", detail)
    metrics = json.loads(server.client.ping("")["serialized_server_utilization_metrics"])
    assert metrics["load_counts"] == {"ended": 2, "failed": 1, "last_failed": True}
    assert "the user made a mistake" in server.reload()

    replace(file, edition("second"))
    shows(server, "second")
    assert health(server)[1] == {"codeserver-state": "ready"}
    assert health(server, "codeserver.LastLoad")[0] == "SERVING"


def health(server: Server, service: str = "DagsterApi") -> tuple[str, dict[str, str]]:
    """Its status, and what the server says beside."""
    stub = health_pb2_grpc.HealthStub(server.channel)
    request = health_pb2.HealthCheckRequest(service=service)
    reply, call = stub.Check.with_call(request, timeout=LIMIT)
    status = health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)
    return status, {key: text for key, text in call.trailing_metadata() if "codeserver" in key}


MORE = """
@dg.asset
def daily_orders(): ...

@dg.schedule(job=patient, cron_schedule="@daily")
def nightly(): ...

defs = dg.Definitions(
    assets=[daily_orders], jobs=[patient], sensors=[says, waits], schedules=[nightly]
)
"""


def test_what_the_log_says_of_an_edit(server: Server, served: Path) -> None:
    log = Since(server)
    replace(served, CODE + MORE)
    line = logged(log, "+1 asset daily_orders")
    assert re.search(
        r"reload #\d+  \d+\.\d\d s  \(start \d+\.\d\d, import \d+\.\d\d, resolve \d+\.\d\d, "
        r"snapshot \d+\.\d\d\)  "
        r"\+1 asset daily_orders  \+1 schedule nightly$",
        line,
    ), line
    replace(served, edition("other") + MORE)
    assert logged(log, "~1 job").endswith(")  ~1 job patient")
    replace(served, edition("other"))
    assert logged(log, "-1 asset").endswith(")  -1 asset daily_orders  -1 schedule nightly")
    assert "\x1b" not in log.text, "colours are for terminals"


def test_what_the_log_says_of_an_error(server: Server, served: Path) -> None:
    served.with_name("wrong.py").write_text("import json\njson.loads('{')\n")
    log = Since(server)
    replace(served, "import wrong\n" + CODE)
    line = logged(log, "failed, the error is served")
    assert re.search(r"reload #\d+ of served.py failed, the error is served$", line)
    log.logs("JSONDecodeError: Expecting")
    text = log.text
    lines = text[text.index(line) :].splitlines()[1:]
    assert lines[0] == "Traceback (most recent call last):"
    places = [
        re.sub(r'.*/(\w+\.py)", line \d+.*', r"\1", each) for each in lines if "  File" in each
    ]
    assert places == ["served.py", "wrong.py", "decoder.py"]


def logged(log: Since, part: str) -> str:
    """The line of the log that has this."""
    log.logs(part)
    (line,) = (each for each in log.text.splitlines() if part in each)
    return line


def test_no_call_of_anybody_fails_while_the_code_changes(server: Server, served: Path) -> None:
    """Eight clients, each with a channel for each call as Dagster's has, and five edits."""
    stop = threading.Event()
    socket = str(server.server.socket)

    def poll(number: int) -> Iterator[str]:
        client = DagsterGrpcClient(socket=socket)
        while not stop.is_set():
            client.get_server_id(timeout=LIMIT)
            client.list_repositories()
            yield says(server) if number % 4 == 0 else ""

    with ThreadPoolExecutor(8) as threads:
        try:
            calls = [threads.submit(lambda n=number: [*poll(n)]) for number in range(8)]
            for number in range(5):
                replace(served, edition(f"edit {number}"))
                shows(server, f"edit {number}")
        finally:
            stop.set()
        answers = [call.result(LIMIT) for call in calls]
    assert all(answers), "each client was answered"
    for answer in {*chain(*answers)}:
        assert answer in ("", "first") or answer.startswith("edit ")


def test_strange_modules_are_left_alone(server: Server, served: Path) -> None:
    """Some put objects into `sys.modules` whose attributes are computed, or fail."""
    strange = (
        "import sys\n"
        "class Settings:\n"
        "    def __getattr__(self, name):\n"
        "        return {'a': 1}[name]\n"
        "sys.modules['settings_object'] = Settings()\n"
        "EDITION = 'strange'"
    )
    replace(served, edition_by(strange))
    shows(server, "strange")
    replace(served, edition_by(strange.replace("'strange'", "'stranger'")))
    shows(server, "stranger")


@needs_linux("no template elsewhere")
def test_ids_do_not_depend_on_how_the_code_was_loaded(start: Start, file: Path) -> None:
    """Forked from the forkserver or from a template, watched or not, a replica has the same id."""
    replace(file, "import dagster_aws.s3, dagster_k8s, dagster_postgres\n" + CODE)
    watching, plain = start(*WATCHED), start("-f", "served.py")
    shows(watching, "first")
    eventually(lambda: watching.processes("template"), what="a template")
    file.touch()
    logs(watching, "reload #2")
    assert watching.id == plain.id
    assert watching.client.list_repositories() == plain.client.list_repositories()
