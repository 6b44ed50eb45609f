"""`codeserver grpc` under Dagster's names: the variables that count, and what it says is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from dagster._cli import ENV_PREFIX
from dagster._cli import cli as stock_cli
from dagster._cli.api import grpc_command as stock_api_grpc
from dagster._cli.code_server import start_command as stock_start

from codeserver.cli.commands import cli, grpc
from codeserver.cli.commands.grpc import grpc_command
from codeserver.cli.options.spellings import API_GRPC, CODE_SERVER_START, Spelling
from codeserver.config import Config, settings

SETTINGS = {setting.name: setting for setting in settings()}
STOCK = {
    API_GRPC: (stock_api_grpc, f"{ENV_PREFIX}_API_GRPC"),
    CODE_SERVER_START: (stock_start, f"{ENV_PREFIX}_CODE_SERVER_START"),
}
NOT_OPTIONS = {name for setting in SETTINGS.values() for name in setting.last_variables}
"""Variables that stock reads elsewhere than in its options."""
OURS = {"DAGSTER_AUTOLOAD_DEFS_MODULE_NAME"}
SPELLINGS = pytest.mark.parametrize("spelling", STOCK, ids=lambda each: each.group)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "repo.py").touch()
    for setting in SETTINGS.values():
        for name in setting.all_variables:
            monkeypatch.delenv(name, raising=False)


def values_of(option: click.Option, number: int) -> list[str]:
    """So many values, different ones as far as possible."""
    if option.is_flag:
        return ["1"] * number
    if isinstance(option.type, click.Choice):
        choices = list(option.type.choices)
        return [choices[each % len(choices)] for each in range(1, number + 1)]
    return [str(each + 70) for each in range(number)]


@SPELLINGS
def test_the_variables_that_win_are_those_of_stock(
    spelling: Spelling, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock, prefix = STOCK[spelling]
    for option in stock.params:
        assert isinstance(option, click.Option)
        setting = SETTINGS[str(option.name)]
        names = setting.all_variables[1:]
        given = dict(zip(names, values_of(option, len(names)), strict=True))
        for strongest in range(len(names) + 1):
            with monkeypatch.context() as patch:
                for name in set(names[strongest:]) - NOT_OPTIONS - OURS:
                    patch.setenv(name, given[name])
                expected = stock.make_context("x", [], auto_envvar_prefix=prefix).params
                ours = grpc_command.make_context("x", [], obj=spelling).params
                theirs = _if_given(expected[setting.name], option)
                assert (ours[setting.name] or None) == theirs, names[strongest:]


def _if_given(value: Any, option: click.Option) -> Any:
    return None if value == option.default else value or None


REFUSED = [
    "{command} -f repo.py",
    "{command} -f repo.py -p abc",
    "{command} -f repo.py -p 1 --nope",
    "{command} -f repo.py -p 1 --log-level loud",
    "{command} -f repo.py -p 1 extra",
    "{command} -f",
]


@SPELLINGS
@pytest.mark.parametrize("line", REFUSED)
def test_what_is_refused_is_refused_in_the_words_of_stock(spelling: Spelling, line: str) -> None:
    words = line.format(command=spelling.command).split()
    group = spelling.group.split()
    stock = CliRunner().invoke(
        stock_cli, [*group[1:], *words], prog_name="dagster", auto_envvar_prefix=ENV_PREFIX
    )
    ours = invoked(spelling, *words[1:])

    assert (ours.exit_code, stock.exit_code) == (2, 2), ours.output
    assert ours.output.splitlines()[-1] == stock.output.splitlines()[-1]
    assert ours.output.splitlines()[0] == stock.output.splitlines()[0]


def invoked(spelling: Spelling | None, *arguments: str, **env: str) -> Result:
    name = spelling.group if spelling else None
    words = ["grpc", *arguments]
    return CliRunner().invoke(cli, words, prog_name=name, obj=spelling, env=env)


CONTEXT = '{"k8s": {"namespace": "berries"}}'


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, loggers_as_before: None) -> list[Config]:
    """The settings of servers that would be started."""
    found: list[Config] = []
    monkeypatch.setattr(grpc, "_serve", lambda config, _: found.append(config) or 0)
    return found


LONG = [
    (None, "CODESERVER_CONTAINER_CONTEXT"),
    (None, "DAGSTER_CONTAINER_CONTEXT"),
    (None, "DAGSTER_CLI_API_GRPC_CONTAINER_CONTEXT"),
    (API_GRPC, "DAGSTER_CLI_API_GRPC_CONTAINER_CONTEXT"),
    (API_GRPC, "DAGSTER_CONTAINER_CONTEXT"),
    (CODE_SERVER_START, "DAGSTER_CONTAINER_CONTEXT"),
]


@pytest.mark.parametrize(("spelling", "variable"), LONG)
def test_a_container_context_of_a_variable_or_a_file(
    served: list[Config], tmp_path: Path, spelling: Spelling | None, variable: str
) -> None:
    path = tmp_path / "context.json"
    options = ("-f", "repo.py", "-p", "4000", "--fixed-server-id", "abc")
    for text, problem in [
        (CONTEXT, ""),
        ("{", "is not JSON"),
        ("[]", "must be an object"),
    ]:
        path.write_text(text + "\n")
        for env, source in [
            ({variable: text}, variable),
            ({f"{variable}_FILE": str(path)}, f"{variable}_FILE ({path})"),
        ]:
            result = invoked(spelling, *options, **env)
            assert result.exit_code == (2 if problem else 0), result.output
            assert (f"Error: {source} {problem}" in result.output) is bool(problem), result.output
    assert [each.container_context for each in served] == [json.loads(CONTEXT)] * 2
    assert {each.fixed_server_id for each in served} == {"abc"}


@pytest.mark.parametrize(
    ("env", "expect"),
    [
        (
            {"DAGSTER_CONTAINER_CONTEXT": CONTEXT, "DAGSTER_CONTAINER_CONTEXT_FILE": "x"},
            "DAGSTER_CONTAINER_CONTEXT and DAGSTER_CONTAINER_CONTEXT_FILE are both given",
        ),
        (
            {"CODESERVER_INSTANCE_REF_FILE": "missing"},
            "CODESERVER_INSTANCE_REF_FILE: missing cannot be read (No such file or directory).",
        ),
        ({"DAGSTER_CONTAINER_CONTEXT_FILE": "empty"}, "CONTEXT_FILE (empty) is not JSON"),
        ({"DAGSTER_CONTAINER_CONTEXT_FILE": "bytes"}, "CONTEXT_FILE: bytes cannot be read"),
        ({"DAGSTER_GRPC_PORT": "70000"}, "DAGSTER_GRPC_PORT must be from 0 to 65535"),
        ({"DAGSTER_GRPC_PORT": "abc"}, "'-p' (from DAGSTER_GRPC_PORT): 'abc' is not a valid"),
        (
            {"CODESERVER_IDLE_UNLOAD": "soon"},
            "CODESERVER_IDLE_UNLOAD must be a duration",
        ),
    ],
)
def test_a_variable_that_is_refused_is_named(
    tmp_path: Path, env: dict[str, str], expect: str
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "bytes").write_bytes(b"\xff")

    result = invoked(None, "-f", "repo.py", **env)

    assert result.exit_code == 2
    assert expect in result.output


@pytest.mark.parametrize("stronger", ["option", "variable"])
def test_a_file_that_is_not_needed_is_not_read(served: list[Config], stronger: str) -> None:
    env = {"DAGSTER_CONTAINER_CONTEXT_FILE": "missing"}
    option = ("--container-context", CONTEXT) if stronger == "option" else ()
    if not option:
        env["CODESERVER_CONTAINER_CONTEXT"] = CONTEXT

    result = invoked(None, "-f", "repo.py", *option, **env)

    assert result.exit_code == 0, result.output
    assert [each.container_context for each in served] == [json.loads(CONTEXT)]


OVERRIDE = "DAGSTER_DEFS_STATE_INFO_OVERRIDE_PATH"
VERSIONS = '{"__class__": "DefsStateInfo", "info_mapping": {}}'


@pytest.mark.parametrize(("content", "expected"), [(VERSIONS + "\n", VERSIONS), ("", None)])
def test_the_override_file_wins_over_any_argument(
    served: list[Config], tmp_path: Path, content: str, expected: str | None
) -> None:
    (tmp_path / "versions").write_text(content)

    result = invoked(None, "-f", "repo.py", "--defs-state-info", "{", **{OVERRIDE: "versions"})

    assert result.exit_code == 0, result.output
    assert [each.defs_state_info for each in served] == [expected]


def test_an_override_file_that_is_refused_is_named(tmp_path: Path) -> None:
    (tmp_path / "versions").write_text("{}")

    result = invoked(None, "-f", "repo.py", **{OVERRIDE: "versions"})

    assert result.exit_code == 2
    assert f"{OVERRIDE} (versions) must be a serialized DefsStateInfo; it is {{}}" in result.output


def test_a_snapshot_has_no_settings_that_a_server_would_refuse() -> None:
    result = CliRunner().invoke(cli, ["snapshot", "-f", "repo.py", "--startup-timeout", "-1"])

    assert result.exit_code == 2
    assert "Error: --startup-timeout must be at least 0; it is -1." in result.output
