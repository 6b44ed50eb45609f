"""What is said of a file before anything is started for it."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from codeserver.cli.commands import cli, grpc
from codeserver.cli.options.code_file import syntax_error
from codeserver.cli.options.spellings import API_GRPC, CODE_SERVER_START, Spelling
from tests.support.in_process import runner

ON_A_PORT = ("grpc", "-p", "0")
BROKEN = "def broken(:\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, loggers_as_before: None) -> list[str]:
    """The targets of servers that would be started."""
    found: list[str] = []
    monkeypatch.setattr(grpc, "_serve", lambda _, target: found.append(target.label) or 0)
    return found


@pytest.mark.parametrize("command", [ON_A_PORT, ("check",), ("list",), ("snapshot",)])
@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("orders.py repo.py etl.py x.py", "rep.py does not exist. Did you mean repo.py?"),
        ("orders.py repo.py", "nope.py does not exist. There is orders.py, repo.py."),
        ("a.py b.py c.py d.py", "nope.py does not exist."),
        ("data.csv", "nope.py does not exist."),
        ("", "src/repo.py does not exist; nor does its directory."),
    ],
)
def test_a_file_that_is_not_there(
    folder: Path, served: list[str], command: tuple[str, ...], there: str, said: str
) -> None:
    for name in there.split():
        (folder / name).touch()

    result = runner().invoke(cli, [*command, "-f", said.split(maxsplit=1)[0]])

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"Error: {said}"
    assert not served


def test_a_file_that_cannot_be_seen_is_left_to_the_load(served: list[str]) -> None:
    too_long = f"{'x' * 300}.py"
    assert runner().invoke(cli, [*ON_A_PORT, "-f", too_long]).exit_code == 0
    assert served == [too_long]


@pytest.mark.parametrize(
    ("spelling", "options", "code"),
    [
        (None, (), 2),
        (None, ("--watch",), 0),
        (CODE_SERVER_START, (), 0),
        (API_GRPC, (), 2),
        (API_GRPC, ("--lazy-load-user-code",), 0),
    ],
)
def test_who_serves_the_error_of_a_file_that_is_not_there(
    served: list[str], spelling: Spelling | None, options: tuple[str, ...], code: int
) -> None:
    result = runner().invoke(cli, [*ON_A_PORT, "-f", "nope.py", *options], obj=spelling)
    assert result.exit_code == code, result.output
    assert served == ["nope.py"] * (code == 0)


@pytest.mark.parametrize(
    "arguments",
    ["grpc repo.py", "check --json repo.py", "list repo.py", "graph repo.py", "plan -a x repo.py"],
)
def test_a_file_without_an_option(arguments: str) -> None:
    result = runner().invoke(cli, arguments.split())
    assert result.exit_code == 2
    whole = f"codeserver {arguments.split(maxsplit=1)[0]} -f repo.py"
    assert f"Error: repo.py is given without an option; write {whole}." in result.stderr


@pytest.mark.parametrize("command", ["check", "list", "graph a", "plan a", "config a"])
def test_a_file_that_cannot_be_compiled(folder: Path, command: str) -> None:
    (folder / "repo.py").write_text(BROKEN)

    result = runner().invoke(cli, [*command.split(), "-f", "repo.py"])

    assert result.exit_code == 1
    first, place, *_, last = result.stderr.splitlines()
    assert first == "Error: repo.py does not load:"
    assert place == f'  File "{folder / "repo.py"}", line 1'
    assert last.startswith("SyntaxError: ")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (BROKEN.encode(), "SyntaxError"),
        (b"return 1", "SyntaxError: 'return' outside function"),
        (b"if x:\nx", "IndentationError"),
        ("# coding: latin-1\nx = 'größe'".encode("latin-1"), ""),
        ("x = 'größe'".encode("latin-1"), "SyntaxError: "),
        (b"# coding: nonsense\n", "SyntaxError: unknown encoding"),
        (b"raise RuntimeError", ""),
        (b"x = '\\d'", ""),
        (b"(" * 50_000, "SyntaxError"),
        (b"-" * 50_000 + b"1", ""),
        (b"x" + b".y" * 30_000, ""),
        (BROKEN.encode() + b"#" * 100_000, ""),
    ],
)
def test_syntax(folder: Path, code: bytes, error: str) -> None:
    (folder / "repo.py").write_bytes(code)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = "\n".join(syntax_error(str(folder / "repo.py")))
    assert error in said
    assert bool(error) is bool(said)


def test_what_is_no_file_has_no_syntax(folder: Path) -> None:
    assert not syntax_error(str(folder))
    assert not syntax_error("/dev/zero")
    assert not syntax_error(str(folder / "nope.py"))
