"""Dagster's two commands by whose names `codeserver grpc` is called, too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spelling:
    """How Dagster calls a command that serves code: the last word of it, and the group before.

    `not_read` are beginnings of variables that this server reads and that command does not, because
    the other one alone has them. (As declared in `dagster._cli.api` and `dagster._cli.code_server`,
    Dagster 1.13.)
    """

    group: str
    command: str
    not_read: tuple[str, ...]

    def reads(self, variable: str) -> bool:
        """Whether the variable is for this command."""
        return not variable.startswith(self.not_read)


API_GRPC = Spelling(
    "dagster api",
    "grpc",
    ("DAGSTER_CODE_SERVER_", "DAGSTER_CLI_CODE_SERVER_START_", "DAGSTER_PROXY_SERVER_"),
)

CODE_SERVER_START = Spelling(
    "dagster code-server",
    "start",
    (
        *("DAGSTER_GRPC_PORT", "DAGSTER_GRPC_SOCKET", "DAGSTER_GRPC_HOST"),
        *("DAGSTER_GRPC_MAX_WORKERS", "DAGSTER_CLI_API_GRPC_"),
        *("DAGSTER_EMPTY_WORKING_DIRECTORY", "DAGSTER_ENABLE_SERVER_METRICS"),
    ),
)
