"""Settings: each declared once, and every way to give one ends in the same field."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from typing import Any

import click
import pytest
from click.testing import CliRunner
from dagster._cli.api import grpc_command as stock_grpc
from dagster._cli.code_server import start_command as stock_start

from codeserver.cli.commands import cli, grpc
from codeserver.cli.options.settings import config_options
from codeserver.config import Config, settings
from codeserver.exposure.listener import Listener
from codeserver.settings import Setting
from codeserver.values import Refused, parse_duration, parse_size, write_size

SETTINGS = {setting.name: setting for setting in settings()}


def every(facts: Any) -> list[str]:
    return [fact for setting in SETTINGS.values() for fact in facts(setting)]


def test_a_setting_for_each_field_in_order() -> None:
    assert [setting.name for setting in settings()] == [
        field.name for field in dataclasses.fields(Config)
    ]


@pytest.mark.parametrize(
    "facts", [lambda setting: setting.flags, lambda setting: setting.all_variables]
)
def test_each_flag_and_variable_is_declared_once(facts: Any) -> None:
    assert [fact for fact, count in Counter(every(facts)).items() if count > 1] == []


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_a_declaration_is_complete(setting: Setting) -> None:
    assert setting.flags[0] == "--" + setting.name.replace("_", "-"), "long form first"
    assert all(flag[0] == "-" for flag in setting.flags)
    assert setting.help[0].isupper()
    assert setting.help[-1] == "."
    assert setting.default == getattr(Config(), setting.name)
    assert setting.is_list is (setting.default == ())
    if setting.kind.choices:
        assert setting.default in (None, *setting.kind.choices)
    elif not setting.is_list and setting.default is not None:
        is_flag = setting.kind.type is bool
        text = setting.default if is_flag else setting.written_default
        assert setting.read(setting.kind.type(text)) == setting.default, "it can be written"


def test_the_annotation_says_what_a_value_is() -> None:
    kinds = {name: setting.kind for name, setting in SETTINGS.items()}
    assert (kinds["port"].type, kinds["heartbeat"].type) == (int, bool)
    assert (kinds["watch_poll"].type, kinds["host"].type) == (float, str)
    assert (kinds["idle_unload"].metavar, kinds["worker_max_growth"].metavar) == (
        "DURATION",
        "SIZE",
    )
    assert kinds["on_reload_error"].choices == ("keep", "surface")
    assert [name for name, setting in SETTINGS.items() if setting.is_list] == [
        "listen",
        "tls_allow",
        "watch_dir",
        "watch_filter",
    ]
    assert [name for name, kind in kinds.items() if kind.is_long] == [
        "container_context",
        "instance_ref",
        "defs_state_info",
    ]


def test_variables_strongest_first() -> None:
    assert SETTINGS["port"].all_variables == (
        "CODESERVER_PORT",
        "DAGSTER_GRPC_PORT",
        "DAGSTER_CODE_SERVER_PORT",
        "DAGSTER_CLI_API_GRPC_PORT",
        "DAGSTER_CLI_CODE_SERVER_START_PORT",
    )
    assert SETTINGS["container_image"].all_variables == (
        "CODESERVER_CONTAINER_IMAGE",
        "DAGSTER_CONTAINER_IMAGE",
        "DAGSTER_CLI_API_GRPC_CONTAINER_IMAGE",
        "DAGSTER_CLI_CODE_SERVER_START_CONTAINER_IMAGE",
        "DAGSTER_CURRENT_IMAGE",  # which Dagster reads elsewhere than in its options
    )
    assert SETTINGS["heartbeat"].all_variables == (
        "CODESERVER_HEARTBEAT",
        "DAGSTER_CLI_API_GRPC_HEARTBEAT",
        "DAGSTER_CLI_CODE_SERVER_START_HEARTBEAT",
    )


def test_defaults_that_operators_rely_on() -> None:
    config = Config()
    assert (config.host, config.port, config.socket) == ("localhost", None, None)
    assert (config.default_timeout, config.startup_timeout, config.shutdown_grace) == (60, 0, 20)
    assert (config.heartbeat, config.heartbeat_timeout) == (False, 30)
    assert (config.on_load_error, config.on_reload_error) == ("serve", None)
    assert (config.watch, config.watch_dir, config.watch_filter) == (False, (), ())
    assert (config.log_level, config.log_format) == ("info", "colored")
    assert 1 <= config.max_workers <= 32
    assert (config.max_queue, config.isolation) == (200, "auto")
    assert (config.worker_memory_limit, config.worker_max_growth) == (0, 256 << 20)
    assert config.worker_max_requests == 1000
    assert config.idle_unload == 0


@pytest.mark.parametrize(
    ("watch", "on_reload_error", "surfaces"),
    [
        (False, None, False),
        (False, "surface", True),
        (True, None, True),
        (True, "keep", False),
    ],
)
def test_what_becomes_of_reload_errors(
    watch: bool, on_reload_error: str | None, surfaces: bool
) -> None:
    config = Config(watch=watch, on_reload_error=on_reload_error)
    assert config.surfaces_reload_errors is surfaces


def test_a_config_is_immutable() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, Config()),
        (dict.fromkeys(SETTINGS), Config()),
        ({"port": 4000, "host": None}, Config(port=4000)),
        ({"port": 0, "startup_timeout": 0.0}, Config(port=0)),
        ({"heartbeat": False, "enable_metrics": True}, Config(enable_metrics=True)),
        ({"location_name": ""}, Config(location_name="")),
    ],
)
def test_from_options(options: dict[str, Any], expected: Config) -> None:
    assert Config.from_options(options) == expected


def test_from_options_that_do_not_exist() -> None:
    with pytest.raises(TypeError, match="ports"):
        Config.from_options({"ports": 1})


def config_from(arguments: list[str], environment: dict[str, str]) -> Config:
    """The config that the command line makes of these."""
    made: list[Config] = []

    @click.command()
    @config_options()
    def command(**options: Any) -> None:
        made.append(Config.from_options(options))

    others = dict.fromkeys(every(lambda setting: setting.all_variables))
    result = CliRunner().invoke(command, arguments, env={**others, **environment})
    assert result.exit_code == 0, result.output
    return made[0]


TEXTS: dict[str, Any] = {
    "listen": ("localhost:4001,plain", "unix:/run/s"),
    "max_connection_age": "1h",
    "max_connection_idle": "1m",
    "keepalive": "90",
    "max_header_size": "8KiB",
    "max_request_size": "1M",
    "max_reply_size": "2M",
    "max_reply_memory": "3M",
    "worker_memory_limit": "512MiB",
    "worker_max_growth": "2GB",
    "idle_unload": "10m",
    "container_context": '{"k8s": {"namespace": "berries"}}',
    "instance_ref": '{"__class__": "InstanceRef"}',
    "defs_state_info": '{"__class__": "DefsStateInfo"}',
}
MEANT: dict[str, Any] = {
    "listen": (Listener("localhost", 4001, tls=False), Listener(path="/run/s")),
    "max_connection_age": 3600.0,
    "max_connection_idle": 60.0,
    "keepalive": 90.0,
    "max_header_size": 8 << 10,
    "max_request_size": 1_000_000,
    "max_reply_size": 2_000_000,
    "max_reply_memory": 3_000_000,
    "worker_memory_limit": 512 << 20,
    "worker_max_growth": 2_000_000_000,
    "idle_unload": 600.0,
    "container_context": {"k8s": {"namespace": "berries"}},
}


def a_value(setting: Setting) -> Any:
    """One that is not the default, as the command line gives it."""
    if setting.kind.choices:
        return next(choice for choice in setting.kind.choices if choice != setting.default)
    if setting.is_list:
        return TEXTS.get(setting.name) or ("one", "another")
    plain = {str: "text", int: 77, float: 7.5, bool: True}
    return TEXTS.get(setting.name) or plain[setting.kind.type]


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_every_flag_and_variable_sets_its_field(setting: Setting) -> None:
    value = a_value(setting)
    expected = Config(**{setting.name: MEANT.get(setting.name, value)})
    values = [str(each) for each in (value if setting.is_list else [value])]
    for flag in setting.flags:
        pairs = [flag] if value is True else [part for each in values for part in (flag, each)]
        assert config_from(pairs, {}) == expected
    text = "1" if value is True else (setting.kind.separator or " ").join(values)
    for variable in setting.all_variables:
        assert config_from([], {variable: text}) == expected


def test_which_source_wins() -> None:
    """The command line, then the variables in their order."""
    variables = SETTINGS["host"].all_variables
    environment = {variable: variable.lower() for variable in variables}
    assert config_from(["--host", "given"], environment).host == "given"
    for variable in variables:
        assert config_from([], environment).host == environment.pop(variable)
    assert config_from([], environment).host == "localhost"


STOCK = [(command, each) for command in (stock_grpc, stock_start) for each in command.params]


@pytest.mark.parametrize(
    ("command", "option"), STOCK, ids=[f"{command.name} {each.name}" for command, each in STOCK]
)
def test_takes_what_dagster_takes(command: click.Command, option: click.Option) -> None:
    setting = SETTINGS[str(option.name)]
    assert set(option.opts) <= set(setting.flags)
    prefix = "API_GRPC" if command is stock_grpc else "CODE_SERVER_START"
    wanted = {f"DAGSTER_CLI_{prefix}_{str(option.name).upper()}"}
    assert wanted | ({str(option.envvar)} if option.envvar else set()) <= set(setting.all_variables)
    assert option.is_flag is (setting.kind.type is bool)
    if isinstance(option.type, click.Choice):
        assert set(option.type.choices) <= set(setting.kind.choices or ())


SIZES = {
    "0": 0,
    "1": 1,
    "1048576": 1 << 20,
    "512MiB": 512 << 20,
    "512 MiB": 512 << 20,
    " 512mib\n": 512 << 20,
    "1.5G": 1_500_000_000,
    "1.5GB": 1_500_000_000,
    "1.5Gi": 3 << 29,
    "2K": 2000,
    "2KiB": 2048,
    "1T": 10**12,
    "1TiB": 1 << 40,
    "0MiB": 0,
    "0.0005K": 0,
}


@pytest.mark.parametrize(("text", "size"), SIZES.items())
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert parse_size(text.swapcase()) == size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (1, "1"),
        (1000, "1000"),
        (2048, "2KiB"),
        (256 << 20, "256MiB"),
        (1 << 52, "4096TiB"),
    ],
)
def test_a_size_as_people_write_it(size: int, text: str) -> None:
    assert write_size(size) == text
    assert parse_size(text) == size


NO_SIZES = [
    "",
    "MiB",
    "-1",
    "+1",
    "1,5G",
    ".5G",
    "1.G",
    "1e9",
    "0x10",
    "1 000",
    "512 MiB please",
    "1PiB",
    "1MM",
    "inf",
    "nan",
    "5\u212a",  # the sign of a unit that looks like a K
]


@pytest.mark.parametrize("text", NO_SIZES)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(Refused, match=r"^must be a size, such as 512MiB; it is '"):
        parse_size(text)


DURATIONS = {
    "0": 0,
    "90": 90,
    "90s": 90,
    "0.2s": 0.2,
    "10m": 600,
    " 10 m\n": 600,
    "1h": 3600,
    "1.5h": 5400,
    "2d": 172800,
    "366d": 366 * 86400,
}


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items())
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert parse_duration(text.upper()) == seconds


NO_DURATIONS = ["", "m", "-1", "+1", "1,5h", ".5h", "1e3", "10 min", "1h30m", "1w", "inf", "nan"]


@pytest.mark.parametrize("text", NO_DURATIONS)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(Refused, match=r"^must be a duration, such as 10m; it is '"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["367d", "9" * 400])
def test_what_lasts_too_long(text: str) -> None:
    with pytest.raises(Refused, match=r"^must be at most a year; it is '"):
        parse_duration(text)


REFUSED = {
    "no duration": (
        ["--idle-unload", "soon"],
        "--idle-unload must be a duration, such as 10m; it is 'soon'.",
    ),
    "no evaluator": (["--max-workers", "0"], "--max-workers must be at least 1; it is 0."),
    "less than no queue": (["--max-queue", "-1"], "--max-queue must be at least 0; it is -1."),
    "less than none": (
        ["--worker-max-requests", "-1"],
        "--worker-max-requests must be at least 0; it is -1.",
    ),
    "no size": (
        ["--worker-memory-limit", "lots"],
        "--worker-memory-limit must be a size, such as 512MiB; it is 'lots'.",
    ),
    "no size, either": (
        ["--worker-max-growth", "-1"],
        "--worker-max-growth must be a size, such as 512MiB; it is '-1'.",
    ),
    "a size that is no number": (
        ["--worker-memory-limit", "9" * 400],
        "--worker-memory-limit is more than a machine has; it is '99999",
    ),
    "a size that no machine has": (
        ["--worker-memory-limit", "10000000T"],
        "--worker-memory-limit is more than a machine has; it is '10000000T'.",
    ),
    "a port that no system has": (
        ["--port", "9" * 400],
        f"--port must be from 0 to 65535; it is {'9' * 400}.",
    ),
    "no descriptor": (
        ["--ready-fd", "-1"],
        "--ready-fd -1 is not open; pass it on to this process.",
    ),
    "a descriptor that no system has": (
        ["--lifeline-fd", "9" * 20],
        f"--lifeline-fd {'9' * 20} is not open; pass it on to this process.",
    ),
    "no isolation": (["--isolation", "thread"], "'thread' is not one of 'auto', 'fork', 'spawn'"),
    "never": (["--default-timeout", "0"], "--default-timeout must be greater than 0; it is 0."),
    "no number": (["--default-timeout", "nan"], "--default-timeout must be a number; it is nan."),
}


@pytest.mark.usefixtures("loggers_as_before")
@pytest.mark.parametrize(("options", "message"), REFUSED.values(), ids=REFUSED)
def test_settings_that_are_refused(
    monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    """In words, before anything is started."""
    monkeypatch.setattr(grpc, "_serve", lambda *_: pytest.fail("it is started"))
    result = CliRunner().invoke(cli, ["grpc", "-f", "repo.py", *options])
    assert result.exit_code == 2, result.exception
    assert message in " ".join(result.output.split())


@pytest.mark.usefixtures("loggers_as_before")
@pytest.mark.parametrize(
    ("option", "end", "message"),
    [
        ("--ready-fd", 0, "cannot be written to; pass on the other end."),
        ("--lifeline-fd", 1, "cannot be read; pass on the other end."),
    ],
)
def test_the_wrong_end_of_a_pipe(option: str, end: int, message: str) -> None:
    pipe = os.pipe()
    try:
        os.set_inheritable(pipe[end], True)
        result = CliRunner().invoke(cli, ["grpc", "-f", "repo.py", option, str(pipe[end])])
    finally:
        for each in pipe:
            os.close(each)
    assert result.exit_code == 2
    assert f"Error: {option} {pipe[end]} {message}" in " ".join(result.output.split())
