"""The command line itself: commands, options, and what is refused before anything is asked."""

from __future__ import annotations

import textwrap
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete, ShellComplete
from click.testing import Result

from codeserver.cli import commands
from codeserver.cli.commands import cli
from codeserver.cli.options.location import location_options
from codeserver.cli.options.output import format_of
from codeserver.cli.options.where import Where
from codeserver.cli.printing.words import duration, first_line, listed, printable, tags
from tests.support.in_process import runner

NAMES = cli.list_commands(click.Context(cli))


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CODESERVER_ADDRESS", raising=False)


def invoke(*arguments: str) -> Result:
    return runner().invoke(cli, arguments)


def test_every_command_is_listed_with_the_first_line_of_its_help() -> None:
    text = " ".join(invoke("--help").output.split())
    for name in NAMES:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert command.help
        first = command.help.splitlines()[0]
        assert f" {name} {first}" in text


@pytest.mark.parametrize("name", NAMES)
def test_help_of(name: str) -> None:
    result = invoke(name, "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: codeserver {name} ")
    assert "\\" not in result.output
    # Examples are shown as they are written, line by line.
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help
    for paragraph in command.help.split("\n\n"):
        if paragraph.startswith("\b\n"):
            assert textwrap.indent(paragraph.removeprefix("\b\n"), "  ") in result.output


@pytest.mark.parametrize("command", NAMES)
def test_examples_in_the_help_keep_their_lines(command: str) -> None:
    text = invoke(command, "--help").stdout
    assert "\\b" not in text
    examples = [line for line in text.splitlines() if line.startswith("  codeserver graph ")]
    assert len(examples) == (4 if command == "graph" else 0)


CONFLICT = "--address and --python-file are both given"
USAGE = [
    (("lst",), "There is no command 'lst'; did you mean list?"),
    (("zzz",), "There is no command 'zzz'; there is grpc, snapshot, list"),
    (("list", "job"), "'job' is not one of 'jobs', 'assets'"),
    (("list", "--address", "x:1", "-f", "repo.py"), CONFLICT),
    (("status", "--address", "x:1", "-f", "repo.py"), CONFLICT),
    (("list", "--address", "x:1", "-d", "/"), "--address and --working-directory are both given"),
    (("list", "--location", "x", "-f", "repo.py"), "--location and --python-file are both given"),
    (("status", "--location", "x", "-m", "repo"), "--location and --module-name are both given"),
    (("check", "--location", "x"), "No such option"),
    (("workspace", "--location", "x"), "No such option"),
    (("workspace", "--by", "port", "--domain", "x"), "--domain is for --by name"),
    (("list", "-f", "a.py", "-m", "b"), "--python-file/-f and --module-name/-m are given"),
    (("list", "--address", "localhost:port"), "is not an address of a code location"),
    (("list", "--address", "/tmp/x.sock"), "write unix:/tmp/x.sock"),
    (("list", "--timeout", "0", "-f", "repo.py"), "--timeout"),
    (("list", "jobs", "--group", "x"), "--group is not for jobs; it is for assets, checks."),
    (("list", "resources", "--tag", "x"), "--tag is not for resources; it is for jobs, assets"),
    (("graph", "j", "--group", "x"), "--group, --depth and --expand are for assets"),
    (("graph", "--group", "x", "--expand"), "--group draws one group and --expand all"),
    (("graph",), "Give the name of a job, or --assets."),
    (("graph", "a", "--assets"), "Give the name of a job, or --assets."),
    (("graph", "a", "--json", "-o", "a.svg"), "--json prints the structure"),
    (("graph", "a", "--format", "png"), "'png' is not one of 'tree', 'mermaid'"),
    (("graph", "--assets", "--op-selection", "a"), "--op-selection is for jobs"),
    (("plan",), "Missing argument 'JOB'"),
    (("plan", "a", "--json", "--format", "dot"), "--json prints the plan"),
    (("plan", "a", "-o", "plan.pdf"), "such as plan.svg"),
    (("plan", "a", "--config", "x.yaml", "--config-json", "{}"), "--config and --config-json"),
    (("plan", "a", "--config", "missing.yaml"), "missing.yaml cannot be read: No such file"),
    (("partitions",), "Give the name of a job, or --asset"),
    (("partitions", "a", "--asset", "b"), "Give the name of a job, or --asset"),
    (("partitions", "a", "--limit", "0"), "--limit"),
    (("check",), "Nothing to serve"),
    (("check", "--address", "x:1"), "No such option"),
    (("reload", "-f", "repo.py"), "No such option"),
    (("completion", "powershell"), "'powershell' is not one of"),
]


@pytest.mark.parametrize(
    ("arguments", "expect"), USAGE, ids=[" ".join(arguments) for arguments, _ in USAGE]
)
def test_what_is_refused(arguments: tuple[str, ...], expect: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    assert last.startswith("Error: ")
    assert expect in last


def where(*arguments: str) -> Where:
    """What the options of a command that takes all of them mean."""
    found: list[Where] = []

    @click.command()
    @location_options
    def command(where: Where) -> None:
        found.append(where)

    result = runner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    return found[0]


PROJECT = "[tool.dagster]\nmodule_name = 'fruit'\ncode_location_name = 'orchard'\n"


def test_what_a_command_is_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert where().address == "127.0.0.1:4000"
    assert where("--address", "unix:/run/s").address == "unix:/run/s"
    (tmp_path / "repo.py").touch()
    assert where("-f", "repo.py", "-a", "defs").target == {
        "python_file": "repo.py",
        "attribute": "defs",
    }
    # A project that has nothing to do with Dagster changes nothing.
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'fruit'\n")
    assert where().address == "127.0.0.1:4000"
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    # A location that is named is one of a server.
    found = where("--location", "sales")
    assert (found.address, found.location) == ("127.0.0.1:4000", "sales")
    found = where()
    assert (found.address, found.location, found.label) == ("", "", "orchard")
    assert found.target == {"module_name": "fruit"}
    assert list(found.options) == ["--location-name", "orchard"]
    # What is said now counts more than what the environment says, and both more than the project.
    monkeypatch.setenv("CODESERVER_ADDRESS", "there:4000")
    assert where().address == "there:4000"
    assert where("-m", "other").target == {"module_name": "other"}
    # The variables of a server are about the server, which is to be asked.
    monkeypatch.delenv("CODESERVER_ADDRESS")
    (tmp_path / "pyproject.toml").unlink()
    monkeypatch.setenv("DAGSTER_MODULE_NAME", "served")
    monkeypatch.setenv("CODESERVER_PYTHON_FILE", "served.py")
    assert where().address == "127.0.0.1:4000"


def test_a_broken_project_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.dagster")
    result = invoke("list")
    assert result.exit_code == 2
    assert "pyproject.toml cannot be read" in result.stderr


@pytest.mark.parametrize(
    ("form", "output", "expect"),
    [
        (None, None, "table"),
        (None, "a.svg", "svg"),
        (None, "a.SVG", "svg"),
        (None, "a.mmd", "mermaid"),
        (None, "a.dot", "dot"),
        (None, "a.json", "json"),
        (None, "a.txt", "tree"),
        (None, "a", "table"),
        ("dot", "a.svg", "dot"),
    ],
)
def test_format_of(form: str | None, output: str | None, expect: str) -> None:
    assert format_of(form, Path(output) if output else None, "table") == expect


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # It would ask the bash that is installed for its version.
    monkeypatch.setattr(BashComplete, "_check_version", staticmethod(lambda: None))
    result = invoke("completion", shell)
    assert result.exit_code == 0
    assert f"{commands.COMPLETION_VARIABLE}={shell}_complete" in result.output


@pytest.mark.parametrize(
    ("arguments", "incomplete", "expect"),
    [
        ([], "pl", ["plan"]),
        ([], "co", ["config", "completion"]),
        (["list"], "as", ["assets"]),
        (["graph", "a", "--format"], "m", ["mermaid"]),
        (["plan", "--py"], "", []),
        # Nothing listens there, and nobody is told.
        (["plan", "--address", "127.0.0.1:1"], "", []),
        (["plan", "--address", "not an address"], "", []),
        (["plan", "-f", "repo.py"], "", []),
        (["plan", "--address", "127.0.0.1:1", "--location"], "", []),
    ],
)
def test_completions(
    arguments: list[str], incomplete: str, expect: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    complete = ShellComplete(cli, {}, "codeserver", commands.COMPLETION_VARIABLE)
    assert [item.value for item in complete.get_completions(arguments, incomplete)] == expect
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("seconds", "expect"),
    [
        (0, "0 s"),
        (0.4242, "0.42 s"),
        (59, "59 s"),
        (60, "1 min"),
        (200.4, "3 min 20 s"),
        (3600, "1 h"),
        (3600 * 5 + 61, "5 h 1 min"),
        (86400, "1 day"),
        (86400 * 2 + 3600 * 4, "2 days 4 h"),
    ],
)
def test_duration(seconds: float, expect: str) -> None:
    assert duration(seconds) == expect


def test_words() -> None:
    assert listed("abc") == "a, b, c"
    assert listed("abc", 2) == "a, b, and 1 more"
    assert tags({"b": "", "a": "1"}) == "a=1, b"
    assert first_line(" First. \nSecond.") == "First"
    assert first_line("") == ""
    assert printable("a\x1b[31m\n\tü\x7f") == "a\\x1b[31m\n\tü\\x7f"
