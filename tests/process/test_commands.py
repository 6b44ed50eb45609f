"""The commands that people use, on a file, on a running server, and on what goes wrong."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from codeserver import UnsupportedError, connect
from tests.process.conftest import Start
from tests.process.serving import LIMIT, serve
from tests.process.watching import CODESERVER, environment, watching
from tests.support.eventually import eventually
from tests.support.in_process import Ended
from tests.support.in_process import invoke as asked
from tests.support.portable import FORKED, needs_linux
from tests.support.servers import STOCK_API_GRPC

EXAMPLE = Path(__file__).parent.parent.parent / "example_user_code"
GOLDEN = Path(__file__).parent / "golden"

BROKEN = "import dagster as dg\n\n\ndef f():\n    return missing\n\n\nf()\n"
SMALL = """import dagster as dg

@dg.op
def one(): ...

@dg.job
def first():
    one()

@dg.job
def second():
    one()

defs = dg.Definitions(jobs=[first])
"""
MORE = SMALL.replace("jobs=[first]", "jobs=[first, second]")
HANGS = "import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(600)\n"


def codeserver(*arguments: str, cwd: Path, stdin: str = "", **env: str) -> Ended:
    done = subprocess.run(
        [*CODESERVER, *arguments],
        cwd=cwd,
        env=environment(env),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """A server of the example."""
    path = home / "commands.sock"
    with serve(home, path, "-f", "repo.py", cwd=EXAMPLE) as server:
        server.client.list_repositories()
        yield f"unix:{path}"


@pytest.fixture(scope="module")
def broken(home: Path) -> Iterator[str]:
    """A server of code that does not load."""
    path = home / "broken.sock"
    (home / "broken.py").write_text(BROKEN)
    with serve(home, path, "-f", "broken.py", cwd=home) as server:
        server.client.list_repositories()
        yield f"unix:{path}"


@pytest.fixture(scope="module")
def stock(home: Path) -> Iterator[str]:
    path = home / "stock.sock"
    with serve(home, path, "-f", "repo.py", cwd=EXAMPLE, command=STOCK_API_GRPC):
        yield f"unix:{path}"


SAME = {
    "list": ["list"],
    "list_assets": ["list", "assets", "--group", "words", "--tag", "size=small"],
    "graph": ["graph", "example_job"],
    "graph_assets": ["graph", "--assets", "+key:best_words"],
    "plan_of_partition": ["plan", "words_job", "--partition", "german"],
    "plan_of_assets": ["plan", "words_job", "--asset", "words", "--asset", "word_scores"],
}


def test_a_name_that_the_locale_has_no_letters_for(work: Path) -> None:
    (work / "größe.py").write_text(SMALL)
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}

    checked = codeserver("check", "-f", "größe.py", "--json", cwd=work, **ascii_only)
    taken = codeserver("snapshot", "-f", "größe.py", "-o", "baked", cwd=work, **ascii_only)

    found = json.loads(checked.out)
    assert (found["ok"], found["name"], found["target"]["python_file"]) == (True, *["größe.py"] * 2)
    assert (taken.code, taken.out.splitlines()[0].split(" of ")[1]) == (0, "größe.py")


@pytest.mark.parametrize("name", SAME)
def test_what_is_piped(name: str, address: str) -> None:
    ended = asked(*SAME[name], cwd=EXAMPLE, CODESERVER_ADDRESS=address)
    assert (ended.code, ended.err) == (0, "")
    path = GOLDEN / f"example_{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(ended.out)
    assert ended.out == path.read_text()


def test_a_file_is_served_for_the_time_of_the_command() -> None:
    # A file that is named now counts more than what the environment says.
    ended = codeserver(*SAME["list"], "-f", "repo.py", cwd=EXAMPLE, CODESERVER_ADDRESS="unix:/no")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (GOLDEN / "example_list.txt").read_text()


def test_the_project_here_is_served(work: Path) -> None:
    (work / "fruit.py").write_text(SMALL)
    (work / "pyproject.toml").write_text("[tool.dagster]\nmodule_name = 'fruit'\n")
    ended = asked("list", "jobs", cwd=work)
    assert (ended.code, ended.out, ended.err) == (0, "first\t-\t-\t-\t-\t-\t-\t-\t-\n", "")


JSON: list[tuple[list[str], str]] = [
    (["list", "jobs", "--name", "example*"], "[0].name == 'example_job'"),
    (["list", "sensors"], "[0].type == 'SENSOR_TYPE_STANDARD'"),
    (["list"], ".keys() == {'jobs', 'assets', 'checks', 'schedules', 'sensors', 'resources'}"),
    (["list", "--group", "words"], ".keys() == {'assets', 'checks'}"),
    (["list", "checks", "--name", "every*"], "[0].asset == 'letter_values'"),
    (["list", "jobs", "--name", "nothing"], " == []"),
    (["graph", "example_job"], ".graph.edges[0].to_input == 'word'"),
    (["graph", "--assets"], ".edges[0].from_key == 'word_scores'"),
    (["graph", "example_job", "--op-selection", "count_letters"], ".graph.edges == []"),
    (["plan", "example_job"], ".steps[1].upstream == ['multiply_the_word']"),
    (["config", "example_job"], ".json_schema.type == 'object'"),
    (["partitions", "words_job"], ".keys_ == ['english', 'french', 'german']"),
    (["partitions", "--asset", "words", "--limit", "1", "--reverse"], ".keys_ == ['german']"),
    (["status"], ".state == 'STATE_READY'"),
    (["reload"], ".changes == []"),
]


class _Found(dict):  # type: ignore[type-arg]
    """An object of JSON, whose values are attributes."""

    def __getattr__(self, name: str) -> object:
        return self[name.rstrip("_")]


@pytest.mark.parametrize(("arguments", "holds"), JSON, ids=[" ".join(a) for a, _ in JSON])
def test_json(arguments: list[str], holds: str, address: str) -> None:
    ended = asked(*arguments, "--json", "--address", address, cwd=EXAMPLE)
    assert (ended.code, ended.err) == (0, "")
    found = json.loads(ended.out, object_hook=_Found)
    assert eval(f"found{holds}", {"found": found}), ended.out


def test_drawings_are_written_in_the_format_of_the_file(address: str, work: Path) -> None:
    begins = {
        "a.svg": "<svg",
        "a.mmd": "flowchart",
        "a.dot": "digraph",
        "a.json": "{",
        "a.txt": "example_job",
    }
    for name, begin in begins.items():
        for command in ("graph", "plan"):
            arguments = (command, "example_job", "-o", name, "--address", address)
            ended = asked(*arguments, cwd=work)
            assert (ended.code, ended.out, ended.err) == (0, "", f"wrote {name}\n")
            assert (work / name).read_text().startswith(begin)
    ended = asked("graph", "example_job", "-o", "no/a.svg", "--address", address, cwd=work)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "Error: no/a.svg cannot be written: No such file or directory.\n"


def test_run_config_to_start_from_can_be_planned(address: str, work: Path) -> None:
    ended = asked("config", "example_job", "-o", "run.yaml", "--address", address, cwd=work)
    assert (ended.code, ended.err) == (0, "wrote run.yaml\n")
    yaml.safe_load((work / "run.yaml").read_text())
    plan = ("plan", "example_job", "--address", address, "--config")
    assert asked(*plan, "run.yaml", cwd=work).code == 0
    config = '{"ops": {"multiply_the_word": {"config": {"factor": 3}}}}'
    piped = codeserver(*plan, "-", cwd=work, stdin=config)
    assert (piped.code, piped.err) == (0, "")
    assert piped.out.endswith("2 steps in 2 levels, at most 1 at once\n")
    schema = asked("config", "example_job", "--schema", "--address", address, cwd=work)
    assert "ops" in json.loads(schema.out)["properties"]


WRONG = '{"ops": {"multiply_the_word": {"config": {"factor": "two", "x": 1}}, "zzz": {}}}'
MISTAKES = [
    "  ops.zzz: there is no such field; there is count_letters, multiply_the_word",
    "  ops.multiply_the_word.config.x: there is no such field; there is factor",
    "  ops.multiply_the_word.config.factor: it must be Int",
]

FAILS = [
    (["plan", "exmple_job"], 'did you mean "example_job"?'),
    (["graph", "exmple_job"], 'did you mean "example_job"?'),
    (["config", "exmple_job"], 'did you mean "example_job"?'),
    (["partitions", "exmple_job"], 'did you mean "example_job"?'),
    (["graph", "example_job", "--repository", "none"], "repository"),
    (["graph", "--assets", "key:("], "selection"),
    (["partitions", "example_job"], "not partitioned"),
    (["plan", "words_job", "--partition", "klingon"], 'no partition "klingon"'),
    (["plan", "example_job", "--config-json", "ops: ["], "line 1, column 7"),
    (["plan", "example_job", "--op-selection", "zzz"], "zzz"),
]


@pytest.mark.parametrize(("arguments", "expect"), FAILS, ids=[" ".join(a) for a, _ in FAILS])
def test_what_fails_is_one_line(arguments: list[str], expect: str, address: str) -> None:
    ended = asked(*arguments, "--address", address, cwd=EXAMPLE)
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("Error: ")
    assert expect in line


def test_each_mistake_in_run_config_is_a_line(address: str) -> None:
    arguments = ("plan", "example_job", "--config-json", WRONG, "--address", address)
    ended = codeserver(*arguments, cwd=EXAMPLE)
    assert (ended.code, ended.out) == (1, "")
    first, *others = ended.err.splitlines()
    assert first.startswith("Error: ")
    assert "3 mistakes" in first
    assert sorted(others) == sorted(MISTAKES)


@pytest.mark.parametrize("command", ["list", "status", "reload", "graph a", "plan a", "config a"])
def test_nobody_is_there(command: str, work: Path) -> None:
    ended = asked(*command.split(), "--address", f"unix:{work}/none", cwd=work)
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("Error: ")
    assert f"{work}/none" in line


@pytest.mark.parametrize("command", ["list", "status", "reload", "graph --assets"])
def test_stock_does_not_know_the_api(command: str, stock: str) -> None:
    ended = asked(*command.split(), "--address", stock, cwd=EXAMPLE)
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert "not codeserver" in line


def test_stock_is_as_healthy_as_it_says(stock: str) -> None:
    """Its servers are gRPC servers like ours."""
    ended = codeserver("health", "--address", stock, "--timeout", str(LIMIT), cwd=EXAMPLE)
    assert (ended.code, ended.out, ended.err) == (0, "SERVING\n", "")
    with connect(stock) as client, pytest.raises(UnsupportedError, match="not know GetLocation"):
        client.location()


@pytest.mark.parametrize("command", ["list", "plan first", "reload", "status"])
def test_code_that_does_not_load(command: str, broken: str) -> None:
    ended = asked(*command.split(), "--address", broken, cwd=EXAMPLE)
    assert ended.code == 1
    text = ended.out if command == "status" else ended.err
    assert 'broken.py", line 5, in f' in text
    assert "NameError: name 'missing' is not defined" in text
    assert "site-packages" not in text
    if command != "status":
        assert ended.out == ""
        assert ended.err.startswith("Error: ")


def test_reload_says_what_is_different_and_who_watches_sees_it(start: Start, work: Path) -> None:
    (work / "repo.py").write_text(SMALL)
    server = start("-f", "repo.py")
    address = f"unix:{server.server.socket}"

    def reloaded(code: str) -> Ended:
        (work / "repo.py").write_text(code)
        return asked("reload", "--address", address, cwd=work)

    with watching(address, work) as watched:
        watched.wait_for("ready     #1")
        ended = reloaded(MORE)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.startswith("reload #2  ")
        assert ended.out.endswith("  +1 job second\n")
        watched.wait_for("+1 job second")

        ended = reloaded(BROKEN)
        assert (ended.code, ended.out) == (1, "")
        first, *others = ended.err.splitlines()
        assert first == "Error: The code failed to load (the code loaded before is served on):"
        assert others[-1] == "NameError: name 'missing' is not defined"
        watched.wait_for("NameError: name 'missing' is not defined")
        watched.wait_for("#2 is served on")

        ended = asked("status", "--address", address, cwd=work)
        assert ended.code == 0, "code is served on"
        assert "3 so far, 1 of them failed" in ended.out
        assert "NameError" in ended.out

        ended = reloaded(MORE)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.endswith(")  repaired\n")
        watched.wait_for("repaired")

        server.server.stop()
        watched.wait_for("draining")
        code, text = watched.wait_for_exit()
    assert code == 0, text
    words = [line.split()[1] for line in text.splitlines() if line[:1].isdigit()]
    assert words[-1] in ("draining", "stopped")
    seen = [word for word in words if word in ("ready", "failed")]
    assert seen == ["ready", "ready", "failed", "ready"]


def test_watch_as_json_and_ended_by_ctrl_c(address: str, work: Path) -> None:
    with watching(address, work, "--json") as watched:
        watched.wait_for("STATE_READY")
        watched.process.send_signal(signal.SIGINT)
        code, text = watched.wait_for_exit()
    assert code == 130
    (line,) = text.splitlines()
    assert json.loads(line)["location"]["name"] == "repo.py"


@needs_linux("elsewhere, a line more is about forks")
def test_check(work: Path) -> None:
    """It needs no port that a variable names, and leaves nothing behind."""
    (work / "repo.py").write_text(MORE)
    temporary = work / "tmp"
    temporary.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as used:
        ended = codeserver(
            *("check", "-f", "repo.py"),
            cwd=work,
            TMPDIR=str(temporary),
            CODESERVER_PORT=str(used.getsockname()[1]),
            DAGSTER_GRPC_SOCKET=str(work / "server.sock"),
            PYTHONDONTWRITEBYTECODE="1",
        )
    assert (ended.code, ended.err) == (0, "")
    first, second = ended.out.splitlines()
    assert first.startswith("repo.py  loads in ")
    assert second == "  2 jobs  first, second"
    assert {path.name for path in work.iterdir()} == {"repo.py", "tmp"}
    assert not list(temporary.iterdir())


def test_check_of_code_that_does_not_load(work: Path) -> None:
    (work / "repo.py").write_text(BROKEN)
    ended = asked("check", "-f", "repo.py", cwd=work)
    assert (ended.code, ended.out) == (1, "")
    first, *others = ended.err.splitlines()
    assert first.startswith("Error: repo.py does not load (after ")
    place = next(line for line in others if "File" in line)
    assert place.endswith('repo.py", line 8, in <module>')
    assert others[-1] == "NameError: name 'missing' is not defined"


@FORKED
def test_check_for_ci(work: Path) -> None:
    (work / "slow.py").write_text("sum(range(3_000_000))\n")
    (work / "good.py").write_text(f"import slow\n{MORE}")
    (work / "bad.py").write_text(BROKEN)
    options = ("--json", "--isolation", "--profile")
    good = asked("check", "-f", "good.py", *options, cwd=work)
    bad = asked("check", "-f", "bad.py", "--json", cwd=work)
    assert (good.code, good.err, bad.code, bad.err) == (0, "", 1, "")
    found, failed = json.loads(good.out), json.loads(bad.out)
    assert found.keys() >= failed.keys()
    assert "slow" in [each["module"] for each in found["imports"]]
    assert found["runs"]["mode"] == "MODE_WARM"
    assert (found["ok"], failed["ok"]) == (True, False)
    assert found["counts"]["jobs"] == 2
    assert found["definitions"]["jobs"] == ["first", "second"]
    assert found["error"] is None
    assert failed["error"]["type"] == "NameError"
    assert failed["error"]["frames"][-1]["line"] == 5
    assert min(found["seconds"], failed["seconds"]) > 0


@FORKED
def test_check_shows_what_importing_takes_and_how_runs_get_the_code(work: Path) -> None:
    (work / "slow.py").write_text("sum(range(3_000_000))\n")
    (work / "clock.py").write_text(f"import slow, time\nNOW = time.time()\n{SMALL}")
    ended = asked("check", "-f", "clock.py", "--profile", "--isolation", cwd=work)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    (heading,) = [number for number, line in enumerate(lines) if line.startswith("MODULE")]
    rows = [line.split() for line in lines[heading:]]
    assert rows[0][:2] == ["MODULE", "YOURS"]
    (row,) = [row for row in rows if row[:1] == ["slow"]]
    assert row[1] == "*"
    assert row[-1] == "clock"
    reason = "fresh, because clock.py line 2: NOW reads the clock (time.time)"
    assert ["runs", reason] in [line.split(maxsplit=1) for line in lines]


def test_ctrl_c_while_code_is_loaded(work: Path) -> None:
    (work / "repo.py").write_text(HANGS)
    command = [*CODESERVER, "check", "-f", "repo.py"]
    with subprocess.Popen(
        command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            eventually((work / "begun").exists, what="the begin of the load")
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=LIMIT)
        finally:
            process.kill()
    assert (process.returncode, output) == (130, "")


def test_code_that_takes_too_long(work: Path) -> None:
    (work / "repo.py").write_text(HANGS)
    ended = asked("check", "-f", "repo.py", "--timeout", "5", cwd=work)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "Error: repo.py was not loaded within 5 s; --timeout gives it more.\n"


def test_a_reader_that_has_enough(address: str, work: Path) -> None:
    process = subprocess.Popen(
        [*CODESERVER, "partitions", "word_of_the_day_job", "--address", address],
        cwd=work,
        env=environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdout
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_a_terminal_has_colours_and_lines(address: str) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*CODESERVER, "list", "jobs", "--address", address],
        env=environment({"COLUMNS": "100", "TERM": "xterm", "NO_COLOR": ""}),
        stdout=follower,
    )
    os.close(follower)
    with os.fdopen(leader, "rb", buffering=0) as screen, process:
        text = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while part := screen.read(65536):
                text += part
    lines = text.decode().splitlines()
    assert "\x1b[1;4mJobs" in lines[0]
    assert "─" * 80 in lines[2]


@pytest.mark.parametrize("command", ["plan", "graph", "config"])
def test_names_of_jobs_complete(command: str, address: str) -> None:
    ended = (codeserver if command == "plan" else asked)(
        cwd=EXAMPLE,
        CODESERVER_ADDRESS=address,
        _CODESERVER_COMPLETE="bash_complete",
        COMP_WORDS=f"codeserver {command} wo",
        COMP_CWORD="2",
    )
    assert ended.err == ""
    assert ended.out.split() == ["plain,word_of_the_day_job", "plain,words_job"]
