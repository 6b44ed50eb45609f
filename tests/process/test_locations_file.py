"""The file of the locations is changed while they are served: each change is of one location."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from dagster import DagsterRunStatus
from dagster._grpc.__generated__ import DagsterApiStub
from dagster._grpc.__generated__ import dagster_api_pb2 as pb
from dagster._grpc.client import DagsterGrpcClient

from tests.differential import calls
from tests.differential.running import current_runs
from tests.process.editing import BROKEN, CODE, Since, edition, in_pieces, in_place, replace
from tests.process.running import final_status, launch_patient, messages
from tests.process.serving import (
    LIMIT,
    USER_CODE,
    in_background,
    pid_in,
    skip_message,
    tick,
    wait_until_gone,
)
from tests.process.several import (
    LIST,
    Several,
    asked_without_pause,
    serve_several,
    text_of,
)
from tests.support.eventually import eventually
from tests.support.portable import needs_linux

OF_VARIABLE = CODE.replace('EDITION = "first"', 'EDITION = os.environ.get("WHO", "")')
CHANGES = "locations.toml: "


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with code of which each file says its name."""
    folder = tmp_path_factory.mktemp("code")
    for name in ("one", "two", "three"):
        (folder / f"{name}.py").write_text(edition(name))
    (folder / "who.py").write_text(OF_VARIABLE)
    (folder / "broken.py").write_text(BROKEN)
    return folder


@pytest.fixture(scope="module")
def usual(code: Path) -> dict[str, dict[str, Any]]:
    return {
        "still": {"python_file": USER_CODE / "repo.py"},
        "one": {"python_file": code / "one.py"},
        "two": {"python_file": code / "two.py"},
    }


@pytest.fixture(scope="module")
def shared(home: Path, usual: dict[str, dict[str, Any]]) -> Iterator[Several]:
    folder = home / "list"
    folder.mkdir()
    with serve_several(home, folder, usual, "-p", "0") as server:
        server.ready(*usual)
        yield server


@pytest.fixture
def several(shared: Several, usual: dict[str, dict[str, Any]]) -> Iterator[Several]:
    """The server as it was at first; the location `still` is asked while a test is at work."""
    take_up(shared, usual)
    shows(shared, {"one": "one", "two": "two"})
    before = shared.told("still")
    with asked_without_pause(shared.location("still")):
        yield shared
    after = shared.told("still")
    assert (after.loads, after.generation, after.server_id) == (1, 1, before.server_id)


def take_up(several: Several, entries: Mapping[str, Mapping[str, Any]]) -> str:
    """Have the server take up this file; what it logs then."""
    log = Since(several.whole)
    several.take_up(entries)
    log.logs(CHANGES)
    return log.text


def shows(several: Several, expected: Mapping[str, str]) -> None:
    """Wait until these locations, and none but `still` beside them, say this."""

    def says(name: str, what: str) -> bool:
        return skip_message(several.location(name), "says") == what

    eventually(lambda: {*several.names()} == {*expected, "still"}, what="the locations")
    for name, what in expected.items():
        eventually(lambda name=name, what=what: says(name, what), what=f"{name} says {what}")  # type: ignore[misc]


def free_ports(count: int) -> list[int]:
    """Ports that are free now."""
    found = []
    taken = []
    for _ in range(count):
        taken.append(socket.socket())
        taken[-1].bind(("127.0.0.1", 0))
        found.append(taken[-1].getsockname()[1])
    for each in taken:
        each.close()
    return found


Make = Callable[[Mapping[str, Any], Path], tuple[Mapping[str, Any], Mapping[str, str]]]

CHANGED: dict[str, Make] = {
    "added": lambda usual, code: (
        {**usual, "three": {"python_file": code / "three.py"}},
        {"one": "one", "two": "two", "three": "three"},
    ),
    "removed": lambda usual, _: ({"still": usual["still"], "two": usual["two"]}, {"two": "two"}),
    "target": lambda usual, code: (
        {**usual, "one": {"python_file": code / "three.py"}},
        {"one": "three", "two": "two"},
    ),
    "variables": lambda usual, code: (
        {**usual, "one": {"python_file": code / "who.py", "env": {"WHO": "it"}}},
        {"one": "it", "two": "two"},
    ),
    "python": lambda usual, _: (
        {**usual, "one": {**usual["one"], "python": sys.executable}},
        {"one": "one", "two": "two"},
    ),
    "renamed": lambda usual, _: (
        {"still": usual["still"], "first": usual["one"], "two": usual["two"]},
        {"first": "one", "two": "two"},
    ),
    "swapped": lambda usual, _: (
        {**usual, "one": usual["two"], "two": usual["one"]},
        {"one": "two", "two": "one"},
    ),
    "reordered": lambda usual, _: (
        dict(reversed([*usual.items()])),
        {"one": "one", "two": "two"},
    ),
}


@pytest.mark.parametrize("change", CHANGED)
def test_a_change_concerns_one_location(
    several: Several, usual: Mapping[str, Any], code: Path, change: str
) -> None:
    entries, expected = CHANGED[change](usual, code)
    two = several.told("two")

    take_up(several, entries)

    shows(several, expected)
    assert several.names() == [*entries]
    if expected.get("two") == "two":
        after = several.told("two")
        assert (after.generation, after.loaded_at) == (two.generation, two.loaded_at)


def test_settings_of_one_location(several: Several, usual: Mapping[str, Any]) -> None:
    take_up(several, {**usual, "one": {**usual["one"], "max_workers": 3}})

    eventually(lambda: several.told("one").work.max_running == 3)
    assert several.told("two").work.max_running != 3


def test_ports_are_swapped(several: Several, usual: Mapping[str, Any]) -> None:
    def at(port: int) -> str:
        client = DagsterGrpcClient(host="127.0.0.1", port=port)
        return client.list_repositories()

    one, two = free_ports(2)
    for first, second in ((one, two), (two, one)):
        take_up(
            several,
            {
                **usual,
                "one": {**usual["one"], "port": first},
                "two": {**usual["two"], "port": second},
            },
        )
        shows(several, {"one": "one", "two": "two"})
        eventually(lambda port=first: "one.py" in at(port), what="one at its port")  # type: ignore[misc]
        eventually(lambda port=second: "two.py" in at(port), what="two at its port")  # type: ignore[misc]


def test_a_port_that_is_taken_leaves_one_location_out(
    several: Several, usual: Mapping[str, Any]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        log = take_up(several, {**usual, "one": {**usual["one"], "port": port}})

    assert f"location one is not served: Port {port}" in log
    assert several.names() == ["still", "two"]
    assert skip_message(several.location("two"), "says") == "two"
    take_up(several, {**usual, "one": {**usual["one"], "port": port}})
    shows(several, {"one": "one", "two": "two"})


USABLE_NO_MORE: dict[str, Callable[[str], str | None]] = {
    "half": lambda text: text[: len(text) - 12],
    "removed": lambda _: None,
    "empty": lambda _: "",
    "twice": lambda text: text + text,
    "unknown": lambda text: text + "no_such_key = 1\n",
}


@pytest.mark.parametrize("how", USABLE_NO_MORE)
def test_a_file_that_cannot_be_used_changes_nothing(
    several: Several, usual: Mapping[str, Any], code: Path, how: str
) -> None:
    log, before = Since(several.whole), [several.told(name) for name in usual]
    text = USABLE_NO_MORE[how](text_of(usual))
    if text is None:
        (several.folder / LIST).unlink()
    else:
        (several.folder / LIST).write_text(text)

    several.whole.front.send_signal(1)

    log.logs("The locations stay as they are.")
    assert f"ERROR - {LIST}" in log.text
    assert [several.told(name).loads for name in usual] == [each.loads for each in before]
    shows(several, {"one": "one", "two": "two"})
    take_up(several, {**usual, "one": {"python_file": code / "three.py"}})
    shows(several, {"one": "three", "two": "two"})


@pytest.mark.parametrize("setting", ["python_file", "python"])
def test_code_that_does_not_load_keeps_the_old_one(
    several: Several, usual: Mapping[str, Any], code: Path, setting: str
) -> None:
    one = several.location("one")
    before = one.id, several.told("one").generation
    bad = {"python_file": code / "broken.py", "python": code / "no-python"}[setting]

    take_up(several, {**usual, "one": {**usual["one"], setting: bad}})

    eventually(lambda: several.told("one").HasField("load_error"), what="the error")
    assert (one.id, several.told("one").generation) == before
    assert skip_message(one, "says") == "one"
    assert str(bad.name) in several.told("one").load_error.text or setting == "python_file"

    take_up(several, {**usual, "one": {"python_file": code / "three.py"}})
    shows(several, {"one": "three", "two": "two"})
    assert not several.told("one").HasField("load_error")


def of_another_port(usual: Mapping[str, Any], _: Path) -> Mapping[str, Any]:
    return {**usual, "one": {**usual["one"], "port": free_ports(1)[0]}}


REPLACED: dict[str, Callable[[Several, Mapping[str, Any], Path], object]] = {
    "changed": lambda several, usual, code: take_up(
        several, {**usual, "one": {"python_file": code / "three.py"}}
    ),
    "moved": lambda several, usual, code: take_up(several, of_another_port(usual, code)),
    "shut down": lambda several, *_: several.location("one").client.shutdown_server(),
    "removed and added": lambda several, usual, _: (
        take_up(several, {"still": usual["still"], "two": usual["two"]}),
        take_up(several, usual),
    ),
}


@pytest.mark.parametrize("how", REPLACED)
def test_runs_and_calls_of_a_replaced_location_go_on(
    several: Several, usual: Mapping[str, Any], code: Path, work: Path, how: str
) -> None:
    one, note = several.location("one"), work / "note"
    loads = several.told("two").loads
    ends = launch_patient(one, work / "release")
    cancelled = launch_patient(one, work / "never")
    under_way = in_background(lambda: tick(one, "waits", note))
    pid_in(note)

    REPLACED[how](several, usual, code)

    # The place of the location has two generations now; the new one answers after some time.
    eventually(lambda: several.told("one").loads == 1, what="a new location")
    shows(several, {"one": "three" if how == "changed" else "one", "two": "two"})
    assert {*current_runs(one)} == {ends.run_id, cancelled.run_id}
    assert calls.can_cancel(cancelled.run_id).make(one).can_cancel
    one.instance.report_run_canceling(cancelled.run)
    assert calls.cancel(cancelled.run_id).make(one).success
    assert final_status(cancelled) is DagsterRunStatus.CANCELED
    note.with_suffix(".go").touch()
    assert under_way.result(LIMIT).skip_message == "one"  # type: ignore[attr-defined]
    (work / "release").touch()
    assert final_status(ends) is DagsterRunStatus.SUCCESS
    assert "edition: one" in messages(ends)
    eventually(lambda: not current_runs(one), what="the end of the runs")
    assert several.told("two").loads == loads
    eventually(lambda: len(several.whole.processes("host")) == len(usual), what="a host for each")


def test_runs_of_a_removed_location_go_on(
    several: Several, usual: Mapping[str, Any], work: Path
) -> None:
    run = launch_patient(several.location("one"), work / "release")

    take_up(several, {name: usual[name] for name in ("still", "two")})

    assert not (several.folder / "one.sock").exists()
    (work / "release").touch()
    assert final_status(run) is DagsterRunStatus.SUCCESS
    eventually(lambda: len(several.whole.processes("fork")) == 3, what="two and the base")


def test_names(several: Several) -> None:
    """The name of the host that a client connects to decides which location it reaches."""
    port = shared_port(several)

    def ask(authority: str) -> str:
        options = [("grpc.default_authority", authority)]
        with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
            try:
                request = pb.ListRepositoriesRequest()
                reply = DagsterApiStub(channel).ListRepositories(request, timeout=LIMIT)
            except grpc.RpcError as error:
                return f"{error.code().name}: {error.details()}"
            return str(reply.serialized_list_repositories_response_or_error)

    for host in ("one", "one.localhost", "ONE.LocalHost.", "one.default.svc.cluster.local"):
        for authority in (host, f"{host}:{port}", f"{host}:1"):
            assert "one.py" in ask(authority), authority
    assert "two.py" in ask("two.localhost")
    for host in ("three.localhost", "127.0.0.1", "localhost", "[::1]", "x" * 300):
        said = ask(f"{host}:{port}")
        assert said.startswith("UNAVAILABLE: "), said
        assert "still, one, two" in said


def shared_port(several: Several) -> int:
    """The port of all locations."""
    addresses = several.whole.server.text.partition("listening on ")[2].splitlines()[0]
    return int(addresses.rpartition(":")[2])


@needs_linux("a socket without a name cannot be reached elsewhere")
def test_a_socket_that_is_removed(several: Several) -> None:
    """The port by name does not depend on the file."""
    (several.folder / "two.sock").unlink()

    client = DagsterGrpcClient(host="two.localhost", port=shared_port(several))

    assert "two.py" in client.list_repositories()


WAYS: dict[str, Callable[[Path, str], None]] = {
    "renamed": replace,
    "in place": in_place,
    "in pieces": in_pieces,
}


def test_the_file_is_watched(home: Path, work: Path, code: Path, usual: Mapping[str, Any]) -> None:
    still, two = ({name: usual[name]} for name in ("still", "two"))
    one = {"one": {"python_file": code / "one.py"}}
    three = {"one": {"python_file": code / "three.py"}}
    with serve_several(home, work, {**still, **one}, "--watch") as several:
        several.ready("still", "one")
        with asked_without_pause(several.location("still")):
            for way in WAYS.values():
                way(work / LIST, text_of({**still, **two, **one}))
                shows(several, {"one": "one", "two": "two"})
                way(work / LIST, text_of({**still, **three}))
                shows(several, {"one": "three"})
            for number, entries in enumerate(
                [{**still, **one}, {**still, **two}, {**still, **one}]
            ):
                switch_links(work, number, text_of(entries))
                shows(several, {name: name for name in entries if name != "still"})
        assert several.told("still").loads == 1


def in_tables(file: Path, text: str) -> None:
    """Write one table after the other, so that each time the file is a valid one."""
    first, *others = text.split("\n[")
    with file.open("w") as stream:
        for part in (first, *(f"\n[{other}" for other in others)):
            stream.write(part)
            stream.flush()
            os.fsync(stream.fileno())


def switch_links(folder: Path, number: int, text: str) -> None:
    """Put a new version in place as Kubernetes does for a ConfigMap."""
    version = folder / f"..{number}"
    version.mkdir()
    (version / LIST).write_text(text)
    (folder / "..new").symlink_to(version.name)
    (folder / "..new").rename(folder / "..data")
    if not (folder / LIST).is_symlink():
        (folder / "link").symlink_to(f"..data/{LIST}")
        (folder / "link").rename(folder / LIST)


@pytest.mark.parametrize("hurry", [False, True])
def test_all_ends_with_everything_under_way(
    home: Path, work: Path, code: Path, usual: Mapping[str, Any], hurry: bool
) -> None:
    tmp = work / "tmp"
    tmp.mkdir()
    options = ("--shutdown-grace", "600" if hurry else "1")
    with serve_several(home, work, usual, *options, temporary=tmp) as several:
        several.ready(*usual)
        one, two = several.location("one"), several.location("two")
        runs = [launch_patient(server, work / "never") for server in (one, two)]
        note = work / "note"
        in_background(lambda: tick(two, "waits", note)).add_done_callback(lambda _: None)
        pid_in(note)
        hanging = code / "hangs.py"
        hanging.write_text("import time\ntime.sleep(600)\n")
        take_up(
            several,
            {
                "still": {"python_file": hanging},
                "one": {"python_file": code / "three.py"},
                "new": {"python_file": hanging},
            },
        )
        several.whole.processes()

        several.whole.front.terminate()
        if hurry:
            # A second signal that comes too soon is one with the first.
            eventually(lambda: several.whole.client.health_check_query() == "NOT_SERVING")
            several.whole.front.terminate()

        assert several.whole.wait_for_exit() == 0
        wait_until_gone(several.whole.seen)
        assert [*tmp.glob("codeserver-*")] == []
        for run in runs:
            assert final_status(run) is DagsterRunStatus.FAILURE
