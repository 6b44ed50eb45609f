"""Values of options that environment variables give, directly or by the name of a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, MutableMapping
from typing import Any

import click

from codeserver.cli.options.spellings import Spelling

FILE_SUFFIX = "_FILE"

_GIVEN_BY = "codeserver.cli.options.variables"

_LINKS = ("tcp://", "udp://")
"""Kubernetes gives pods a variable such as `CODESERVER_PORT=tcp://10.0.0.1:4000` for each service;
that is not a setting.
"""


def value_of(
    context: click.Context, option: str, variables: Iterable[str], *, is_long: bool
) -> str | None:
    """The value of the strongest variable that is set; `given_by` names it afterwards.

    Args:
        context: of the command.
        option: the name of the option's parameter.
        variables: strongest first.
        is_long: whether the name of each with `_FILE` behind it gives a file with the value.

    Raises:
        UsageError: the file cannot be read, or there is a value beside it.
    """
    spelling = context.find_object(Spelling)
    for name in variables:
        if spelling is not None and not spelling.reads(name):
            continue
        value = os.environ.get(name)
        path = os.environ.get(name + FILE_SUFFIX) if is_long else None
        if value and path:
            raise click.UsageError(
                f"{name} and {name}{FILE_SUFFIX} are both given; give one of them.", context
            )
        if path:
            _given_by(context)[option] = f"{name}{FILE_SUFFIX} ({path})"
            return _content(path, name + FILE_SUFFIX, context)
        if value and not value.startswith(_LINKS):
            _given_by(context)[option] = name
            return value
    return None


def given_by(context: click.Context, option: str) -> str | None:
    """The variable that has given the option its value, with the file if there is one."""
    return _given_by(context).get(option)


def _given_by(context: click.Context) -> MutableMapping[str, str]:
    found: Any = context.meta.setdefault(_GIVEN_BY, {})
    assert isinstance(found, dict)
    return found


def _content(path: str, variable: str, context: click.Context) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        raise click.UsageError(f"{variable}: {path} cannot be read ({why}).", context) from None
