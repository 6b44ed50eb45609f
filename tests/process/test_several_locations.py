"""Commands about a server of several locations."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from codeserver import NotFoundError, connect
from tests.process.watching import watching
from tests.support.eventually import eventually
from tests.support.in_process import Ended, invoke
from tests.support.servers import ServerProcess
from tests.support.several_locations import serve_only, several_locations

CODE = """import dagster as dg

@dg.op(config_schema={{"word": dg.Field(str, default_value="{name}")}})
def {name}_op(_context): ...

@dg.job
def {name}_job():
    {name}_op()

@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["{name}_key"]))
def {name}_asset(): ...

defs = dg.Definitions(jobs=[{name}_job], assets=[{name}_asset])
"""
BROKEN = "raise RuntimeError('no such fruit')\n"


def files_in(folder: Path, *names: str) -> dict[str, Path]:
    for name in names:
        code = BROKEN if name == "broken" else CODE.format(name=name)
        (folder / f"{name}.py").write_text(code)
    return {name: folder / f"{name}.py" for name in names}


def wait_until_loaded(server: ServerProcess, *names: str) -> str:
    address = f"unix:{server.socket}"
    for name in names:
        with connect(address, location=name) as client:
            eventually(lambda client=client: client.location().loads, what=f"a load of {name}")
    return address


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """A server of three locations, one of which does not load."""
    folder = home / "several"
    folder.mkdir()
    names = ("sales", "finance", "broken")
    with several_locations(files_in(folder, *names), folder / "s", home) as server:
        yield wait_until_loaded(server, *names)


def asked(address: str, *arguments: str) -> Ended:
    return invoke(*arguments, cwd=Path("/"), CODESERVER_ADDRESS=address)


def test_status_is_a_table(address: str) -> None:
    ended = asked(address, "status")

    text = re.sub(r"\d+\.\d\d s", "N s", ended.out)
    assert [line.split() for line in text.splitlines()] == [
        ["LOCATION", "STATE", "DEFINED", "LOAD"],
        ["sales", "ready", "1", "job,", "1", "asset", "#1", "in", "N", "s"],
        ["finance", "ready", "1", "job,", "1", "asset", "#1", "in", "N", "s"],
        ["broken", "failed", "-", "1", "failed"],
        ["RuntimeError:", "no", "such", "fruit"],
    ]
    assert (ended.code, ended.err) == (1, "")


def test_status_as_json(address: str) -> None:
    ended = asked(address, "status", "--json")
    found = json.loads(ended.out)
    assert found.keys() == {"locations"}
    assert [each["name"] for each in found["locations"]] == ["sales", "finance", "broken"]
    assert ended.code == 1


def test_status_of_one(address: str) -> None:
    ended = asked(address, "status", "--location", "sales")
    assert ended.out.startswith("sales  ready\n  target     ")
    assert (ended.code, ended.err) == (0, "")
    ended = asked(address, "status", "--location", "broken", "--json")
    assert json.loads(ended.out)["state"] == "STATE_FAILED"
    assert ended.code == 1


ABOUT_ONE = {
    ("list", "jobs"): "sales_job",
    ("graph", "sales_job"): "sales_op",
    ("graph", "--assets"): "sales_asset",
    ("plan", "sales_job"): "sales_op",
    ("config", "sales_job"): "word: sales",
    ("partitions", "--asset", "sales_asset"): "sales_key",
    ("reload",): "no visible change",
}
ONE = [pytest.param(words, text, id=" ".join(words)) for words, text in ABOUT_ONE.items()]


@pytest.mark.parametrize(("words", "text"), ONE)
def test_a_command_about_one_location(address: str, words: tuple[str, ...], text: str) -> None:
    ended = asked(address, *words, "--location", "sales")
    assert (ended.code, ended.err) == (0, "")
    assert text in ended.out


@pytest.mark.parametrize(("words", "text"), ONE)
def test_it_must_be_named(address: str, words: tuple[str, ...], text: str) -> None:
    ended = asked(address, *words)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "Error: This server has 3 locations; name one of them (--location): "
        '"sales", "finance", "broken".\n'
    )
    ended = asked(address, *words, "--location", "sale")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == 'Error: There is no location "sale"; did you mean "sales"?\n'


def test_names_are_completed(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.shell_completion import ShellComplete

    from codeserver.cli.commands import COMPLETION_VARIABLE, cli

    monkeypatch.setenv("CODESERVER_ADDRESS", address)
    complete = ShellComplete(cli, {}, "codeserver", COMPLETION_VARIABLE).get_completions
    assert [each.value for each in complete(["list", "--location"], "")] == [
        "sales",
        "finance",
        "broken",
    ]
    assert [each.value for each in complete(["status", "--location"], "f")] == ["finance"]
    assert [each.value for each in complete(["plan", "--location", "sales"], "")][-1] == "sales_job"


def test_workspace(address: str) -> None:
    folder = address.removeprefix("unix:").rpartition("/")[0]
    ended = asked(address, "workspace")
    assert (ended.code, ended.err) == (0, "")
    assert yaml.safe_load(ended.out) == {
        "load_from": [
            {"grpc_server": {"socket": f"{folder}/{name}.sock", "location_name": name}}
            for name in ("sales", "finance", "broken")
        ]
    }


def test_all_are_watched_until_they_are_removed(home: Path, work: Path) -> None:
    files = files_in(work, "sales", "finance")
    with several_locations(files, work / "s", home) as server:
        address = wait_until_loaded(server, *files)
        with watching(address, work) as watched:
            for name in ("sales    ", "finance  "):
                watched.wait_for(name)
            files["sales"].write_text(BROKEN)
            assert asked(address, "reload", "--location", "sales").code == 1
            watched.wait_for("RuntimeError: no such fruit")
            serve_only(server, {"sales": files["sales"]})
            watched.wait_for("draining")
            with connect(address, location="finance") as client:
                eventually(lambda: _is_removed(client), what="the end of a location")
            server.process.send_signal(signal.SIGTERM)
            code, text = watched.wait_for_exit()

    assert code == 0
    assert text.count("draining") == 2
    assert all(re.match(r"(sales  |finance)  ", line) for line in text.splitlines())
    assert re.search(r"^sales .* failed .*load #2", text, re.MULTILINE)
    assert not re.search(r"^finance .* failed", text, re.MULTILINE)


def _is_removed(client: object) -> bool:
    try:
        client.location()  # type: ignore[attr-defined]
    except NotFoundError:
        return True
    return False


def test_watch_as_json_and_ended_by_ctrl_c(address: str, work: Path) -> None:
    with watching(address, work, "--json") as watched:
        for name in ("sales", "finance", "broken"):
            watched.wait_for(f'"name": "{name}"')
        watched.process.send_signal(signal.SIGINT)
        code, text = watched.wait_for_exit()
    assert code == 130
    assert len([json.loads(line) for line in text.splitlines()]) >= 3
