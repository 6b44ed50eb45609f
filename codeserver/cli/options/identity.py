"""Options for who calls a running server: a token, and files for TLS."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from codeserver.client.identity import Identity
from codeserver.contents import read_once
from codeserver.default_address import TLS
from codeserver.errors import OperatorError

F = TypeVar("F", bound=Callable[..., Any])

_TOKEN = "CODESERVER_TOKEN"
_LONGEST_FILE = 1 << 20

OPTIONS: list[Callable[[Any], Any]] = [
    click.option(
        "--token-file",
        envvar="CODESERVER_TOKEN_FILE",
        show_envvar=True,
        metavar="FILE",
        help=f"File with the token for the server. Default: the variable {_TOKEN}.",
    ),
    click.option(
        "--tls-ca",
        envvar="CODESERVER_TLS_CA",
        show_envvar=True,
        metavar="FILE",
        help=f"CA in PEM of a server at {TLS}HOST:PORT. Default: those that gRPC trusts.",
    ),
    click.option(
        "--tls-client-cert",
        envvar="CODESERVER_TLS_CLIENT_CERT",
        show_envvar=True,
        metavar="FILE",
        help="Certificate in PEM to show to the server.",
    ),
    click.option(
        "--tls-client-key",
        envvar="CODESERVER_TLS_CLIENT_KEY",
        show_envvar=True,
        metavar="FILE",
        help="The key of that certificate, in PEM.",
    ),
]


def options(command: F) -> F:
    """Give a command these options."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def taken_from(given: dict[str, Any]) -> Identity:
    """The identity that the options give, which are removed.

    Raises:
        OperatorError: the token cannot be read.
    """
    names = ("token_file", "tls_ca", "tls_client_cert", "tls_client_key")
    file, ca, certificate, key = (given.pop(name, None) or None for name in names)
    token = _read(file) if file else os.environ.get(_TOKEN) or None
    return Identity(token, ca, certificate, key)


def _read(path: str) -> str:
    try:
        token = read_once(path, _LONGEST_FILE).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not ASCII"
        raise OperatorError(f"--token-file {path} cannot be read: {reason}.") from None
    if len(token.split()) != 1:
        raise OperatorError(f"--token-file {path} must have one token, and nothing else.")
    return token
