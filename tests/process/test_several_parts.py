"""Limits, metrics, log and health of a server with several locations, and its start."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.process.editing import BROKEN, edition
from tests.process.serving import (
    LIMIT,
    in_background,
    run,
    skip_message,
    tick,
)
from tests.process.several import LIST, Several, serve_several, write_list
from tests.support.eventually import eventually

LOUD = """
import dagster as dg

@dg.job
def nothing(): ...

@dg.sensor(job=nothing)
def quick():
    for number in range(200_000):
        print("flood", number)
    return dg.SkipReason("done")

defs = dg.Definitions(jobs=[nothing], sensors=[quick])
"""


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    for name in ("one", "two", "three"):
        (folder / f"{name}.py").write_text(edition(name) + f"print('hello from {name}')\n")
    (folder / "broken.py").write_text(BROKEN)
    (folder / "loud.py").write_text(LOUD)
    return folder


@pytest.fixture(scope="module")
def limited(home: Path, code: Path) -> Iterator[Several]:
    """At most four ticks for all, and so two for each."""
    (home / "limits").mkdir()
    entries = {
        "one": {"python_file": code / "one.py", "max_workers": 4},
        "two": {"python_file": code / "two.py", "max_workers": 1},
        "loud": {"python_file": code / "loud.py"},
    }
    options = ("--max-workers", "4", "--enable-metrics", "--log-format", "json")
    with serve_several(home, home / "limits", entries, *options) as server:
        server.ready(*entries)
        yield server


def test_limits(limited: Several, work: Path) -> None:
    """One location has at most half of the evaluators, and never more than its own setting."""
    waiting: dict[str, list[Path]] = {"one": [], "two": []}
    answers: list[Future[object]] = []
    for name, notes in waiting.items():
        for number in range(4):
            note = work / f"{name}-{number}"
            notes.append(note)
            server = limited.location(name)
            answers.append(in_background(lambda s=server, n=note: tick(s, "waits", n)))  # type: ignore[misc]

    def begun(name: str) -> list[Path]:
        return [each for each in waiting[name] if each.exists() and each.read_text()]

    def counts() -> list[tuple[int, int]]:
        told = [limited.told(name).work for name in waiting]
        return [(each.running, each.queued) for each in told]

    eventually(lambda: len(begun("one")) == 2, what="two of the first")
    eventually(lambda: len(begun("two")) == 1, what="one of the second")
    eventually(lambda: [sum(each) for each in counts()] == [4, 4], what="all have arrived")
    assert (len(begun("one")), len(begun("two"))) == (2, 1)
    assert skip_message(limited.location("loud")) == "done"
    utilization = json.loads(
        limited.location("two").client.ping("")["serialized_server_utilization_metrics"]
    )
    assert utilization["location"] == "two"

    for notes in waiting.values():
        for note in notes:
            note.with_suffix(".go").touch()
    for answer in answers:
        assert answer.result(LIMIT).skip_message in ("one", "two")  # type: ignore[attr-defined]


def test_each_line_of_the_log_names_its_location(limited: Several) -> None:
    """A location that prints without end loses its own lines, and none of another one."""
    loud, one = limited.location("loud"), limited.location("one")
    at = len(limited.whole.server.text)
    flood = in_background(lambda: skip_message(loud))
    for _ in range(5):
        assert not one.reload()
    assert flood.result(LIMIT) == "done"

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in limited.whole.server.text[at:].splitlines()]

    def of_one() -> list[dict[str, Any]]:
        return [each for each in lines() if each["event"] == "hello from one"]

    eventually(lambda: len(of_one()) >= 5, what="every line of the other location")
    assert {each["location"] for each in of_one()} == {"one"}
    flooded = [each for each in lines() if each["event"].startswith("flood ")]
    assert {each["location"] for each in flooded} == {"loud"}
    eventually(lambda: any("bytes of output were dropped" in each["event"] for each in lines()))
    for each in lines():
        assert ("dropped" not in each["event"]) or each["location"] == "loud"


CHECKS = ("", "codeserver.Locations", "codeserver.LastLoad", "location/one", "location/two")


def test_health(home: Path, work: Path, code: Path) -> None:
    hangs = code / "hangs.py"
    hangs.write_text("import time\ntime.sleep(600)\n")
    good = {"one": {"python_file": code / "one.py"}}

    def entries(file: Path) -> Mapping[str, Any]:
        return {**good, "two": {"python_file": file}}

    with serve_several(home, work, entries(hangs)) as several:
        stub: Any = health_pb2_grpc.HealthStub(several.whole.channel)

        def told() -> str:
            """A letter for each: serving, not serving, unknown."""
            return "".join(letter(name) for name in CHECKS)

        def letter(name: str) -> str:
            try:
                reply = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=LIMIT)
            except grpc.RpcError as error:
                return {grpc.StatusCode.NOT_FOUND: "?"}[error.code()]
            return "+" if reply.status == health_pb2.HealthCheckResponse.SERVING else "-"

        def becomes(expected: str) -> None:
            eventually(lambda: told() == expected, what=f"{expected} instead of {told()}")

        watched = stub.Watch(health_pb2.HealthCheckRequest(service="location/two"))
        becomes("+--+-")  # the second one is loaded for the first time
        for name, expected in (("one", "SERVING"), ("two", "NOT_SERVING")):
            assert several.location(name).client.health_check_query() == expected
        several.take_up(entries(code / "broken.py"))
        becomes("++-++")  # a failed load is served
        several.take_up(entries(code / "two.py"))
        becomes("+++++")
        several.take_up(good)
        becomes("++++?")
        several.take_up(entries(code / "two.py"))
        becomes("+++++")
        statuses = [next(watched).status for _ in range(4)]
        status = health_pb2.HealthCheckResponse
        assert statuses == [
            *(status.NOT_SERVING, status.SERVING, status.SERVICE_UNKNOWN, status.NOT_SERVING),
        ]
        watched.cancel()


def test_a_start_that_is_refused(home: Path, work: Path, code: Path) -> None:
    """There is one line, and nothing is left behind."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        one = {"python_file": code / "one.py"}
        tmp = work / "tmp"
        tmp.mkdir()
        env = {"DAGSTER_HOME": str(home), "TMPDIR": str(tmp)}
        command = (sys.executable, "-m", "codeserver", "grpc", "--locations", LIST, "-s", "s")

        write_list(work, {"one": one, "two": {"python_file": code / "two.py", "port": port}})
        taken = run(*command, cwd=work, env=env)
        write_list(work, {"one": {**one, "socket": work / "none" / "sock"}})
        nowhere = run(*command, cwd=work, env=env)
        write_list(work, {"one": one})
        also_taken = run(*command, "-p", str(port), cwd=work, env=env)
        (work / LIST).unlink()
        gone = run(*command, cwd=work, env=env)

    for ended, exit_code, about in (
        (taken, 1, f"Port {port}"),
        (nowhere, 1, "there is no folder"),
        (also_taken, 1, f"Port {port}"),
        (gone, 2, LIST),
    ):
        (error,) = [line for line in ended.output.splitlines() if line.startswith("Error: ")]
        assert about in error
        assert ended.code == exit_code
        assert "Traceback" not in ended.output
        assert "failed" not in ended.output
    assert [*tmp.iterdir()] == []
