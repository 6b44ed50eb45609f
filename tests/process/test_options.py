"""Every option and variable of the two commands that this server replaces is accepted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from dagster._cli import ENV_PREFIX
from dagster._cli.api import grpc_command as stock_api_grpc
from dagster._cli.code_server import start_command as stock_code_server_start
from dagster._core.workspace.load_target import get_origins_from_toml

from codeserver.cli.commands import cli
from codeserver.cli.commands.grpc import grpc_command
from codeserver.config import Config
from codeserver.target import resolve

STOCK = {"API_GRPC": stock_api_grpc, "CODE_SERVER_START": stock_code_server_start}
STOCK_OPTIONS = [
    pytest.param(command, option, id=f"{command}-{option.name}")
    for command, stock in STOCK.items()
    for option in stock.params
    if isinstance(option, click.Option)
]
OBJECTS = {
    "container_context": '{"k8s": {}}',
    "instance_ref": '{"__class__": "InstanceRef"}',
    "defs_state_info": '{"__class__": "DefsStateInfo"}',
}


def config(*arguments: str) -> Config:
    """What the command makes of these arguments and the environment."""
    with grpc_command.make_context("grpc", list(arguments)) as context:
        return Config.from_options(context.params)


def sample(option: click.Option) -> tuple[str, Any]:
    """A value that is not the option's default: as text, and as it is meant."""
    if option.is_flag:
        return "1", True
    if isinstance(option.type, click.Choice):
        (value,) = [choice for choice in option.type.choices if choice != option.default][:1]
        return value, value
    if (name := str(option.name)) in OBJECTS:
        text = OBJECTS[name]
        return text, json.loads(text) if name == "container_context" else text
    if option.type is click.INT:
        return "17", 17
    return "some text", "some text"


def variables(command: str, option: click.Option) -> list[str]:
    """Those that stock reads for this option, the derived one included."""
    given = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or ())
    return [*given, f"{ENV_PREFIX}_{command}_{str(option.name).upper()}"]


@pytest.mark.parametrize(("command", "option"), STOCK_OPTIONS)
def test_an_option_of_stock(command: str, option: click.Option) -> None:
    text, value = sample(option)
    for flag in [*option.opts, *option.secondary_opts]:
        arguments = [flag] if option.is_flag else [flag, text]
        assert getattr(config(*arguments), str(option.name)) == value


@pytest.mark.parametrize(("command", "option"), STOCK_OPTIONS)
def test_a_variable_of_stock(
    command: str, option: click.Option, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, value = sample(option)
    for variable in variables(command, option):
        with monkeypatch.context() as patch:
            patch.setenv(variable, text)
            assert getattr(config(), str(option.name)) == value, variable


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("DAGSTER_CURRENT_IMAGE", "container_image"),
        ("DAGSTER_GRPC_TIMEOUT_SECONDS", "default_timeout"),
        ("DAGSTER_PROXY_SERVER_HEARTBEAT_TIMEOUT", "heartbeat_timeout"),
        ("CODESERVER_PORT", "port"),
        ("CODESERVER_SHUTDOWN_GRACE", "shutdown_grace"),
    ],
)
def test_another_variable(variable: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "17")

    assert str(getattr(config(), name)).removesuffix(".0") == "17"


def test_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_GRPC_PORT", "17")
    monkeypatch.setenv("CODESERVER_PORT", "18")

    assert config().port == 18
    assert config("-p", "19").port == 19


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DAGSTER_GRPC_PORT", "DAGSTER_CONTAINER_CONTEXT", "DAGSTER_GRPC_MAX_WORKERS"):
        monkeypatch.setenv(variable, "")

    assert config() == Config()


def test_defaults_of_stock() -> None:
    ours = Config()
    different = {
        option.name: (option.default, getattr(ours, str(option.name)))
        for stock in STOCK.values()
        for option in stock.params
        if isinstance(option, click.Option) and isinstance(option.default, (str, int, float))
        if option.default != getattr(ours, str(option.name))
    }
    assert not different


def test_help_and_version() -> None:
    text = CliRunner().invoke(cli, ["grpc", "--help"]).output

    for option in grpc_command.params:
        assert option.opts[0] in text
    assert CliRunner().invoke(cli, ["--version"]).exit_code == 0


# Targets


PYPROJECTS = [
    "[tool.dagster]\nmodule_name = 'fruit.definitions'",
    "[tool.dagster]\nmodule_name = 'fruit.definitions'\ncode_location_name = 'orchard'",
    "[tool.dagster]\nmodules = [{type = 'module', name = 'fruit'}]\ncode_location_name = 'orchard'",
    "[tool.dagster]\nmodules = [{type = 'file', name = 'a'}, {type = 'module', name = 'b'}]",
    "[tool.dg.project]\nroot_module = 'fruit'",
    "[tool.dg.project]\nroot_module = 'fruit'\ncode_location_name = 'orchard'",
    "[tool.dg.project]\nroot_module = 'fruit'\ncode_location_target_module = 'fruit.served'",
    "[tool.dg.project]\nroot_module = 'fruit'\nautoload_defs = true",
    "[tool.dg.project]\nroot_module = 'fruit'\nautoload_defs = true\ndefs_module = 'fruit.parts'",
    "[tool.dagster]\nmodule_name = 'one'\n[tool.dg.project]\nroot_module = 'other'",
]


@pytest.mark.parametrize("text", PYPROJECTS)
def test_a_target_in_pyproject(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(text)
    (stock,) = get_origins_from_toml("pyproject.toml")

    ours, target = resolve(config())

    expected = stock.loadable_target_origin
    for name in vars(target):
        assert getattr(target, name) == getattr(expected, name), name
    named = "code_location_name" in text
    assert ours.location_name == (stock.location_name if named else None)


def test_a_target_of_the_command_line_wins_over_pyproject(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(PYPROJECTS[1])

    ours, target = resolve(config("-m", "mine", "-d", "/elsewhere", "-a", "defs"))

    assert (target.module_name, target.working_directory) == ("mine", "/elsewhere")
    assert target.attribute == "defs"
    assert ours.location_name is None


def test_no_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert resolve(config("-m", "mine"))[1].working_directory == str(tmp_path)
    assert resolve(config("-m", "mine", "--empty-working-directory"))[1].working_directory is None
