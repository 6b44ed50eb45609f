"""What a container that serves code would do with its arguments and variables."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from unittest import mock

from codeserver.cli.grpc import grpc_command
from codeserver.config import Config

KILLED_AFTER = 5
"""Seconds that what is left may take, when the time for finishing is over."""

PREFIXES = (["codeserver", "grpc"], ["dagster", "api", "grpc"], ["dagster", "code-server", "start"])


def configuration(command: Sequence[str], variables: Mapping[str, str]) -> Config:
    """The settings that the server has with this command in this environment."""
    prefix = next(each for each in PREFIXES if list(command[: len(each)]) == each)
    with mock.patch.dict(os.environ, variables, clear=True):
        context = grpc_command.make_context("grpc", list(command[len(prefix) :]))
    return Config.from_options(context.params)


def longest_shutdown(config: Config) -> float:
    """Seconds from SIGTERM to the end of the last process."""
    return config.drain_delay + config.shutdown_grace + KILLED_AFTER
