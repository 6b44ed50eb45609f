"""What a container that serves code would do with its arguments and variables."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from unittest import mock

from codeserver.cli.commands.grpc import check, grpc_command
from codeserver.cli.options.spellings import API_GRPC, CODE_SERVER_START
from codeserver.config import Config

KILLED_AFTER = 5
"""Seconds that what is left may take, when the time for finishing is over."""

SPELLINGS = {
    ("codeserver", "grpc"): None,
    ("dagster", "api", "grpc"): API_GRPC,
    ("dagster", "code-server", "start"): CODE_SERVER_START,
}


def configuration(command: Sequence[str], variables: Mapping[str, str]) -> Config:
    """The settings that the server has with this command in this environment."""
    words = next(each for each in SPELLINGS if tuple(command[: len(each)]) == each)
    arguments = list(command[len(words) :])
    with mock.patch.dict(os.environ, variables, clear=True):
        context = grpc_command.make_context("grpc", arguments, obj=SPELLINGS[words])
    config = Config.from_options(context.params)
    check(config, {})
    return config


def longest_shutdown(config: Config) -> float:
    """Seconds from SIGTERM to the end of the last process."""
    return config.drain_delay + config.shutdown_grace + KILLED_AFTER
