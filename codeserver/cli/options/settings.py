"""Options made from the settings in `codeserver.config`, and values that variables give them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from codeserver.cli.options.spellings import Spelling
from codeserver.config import settings
from codeserver.settings import Setting

F = TypeVar("F", bound=Callable[..., Any])

FILE_SUFFIX = "_FILE"

_GIVEN_BY = "codeserver.cli.options.settings"

_LINKS = ("tcp://", "udp://")
"""Kubernetes gives pods a variable such as `CODESERVER_PORT=tcp://10.0.0.1:4000` for each service;
that is not a setting.
"""


def config_options(*names: str) -> Callable[[F], F]:
    """Give a command one option for each setting of these names, or for every one."""

    def decorate(command: F) -> F:
        for setting in reversed(settings()):
            if not names or setting.name in names:
                command = _option(setting)(command)
        return command

    return decorate


class _Option(click.Option):
    def __init__(
        self, *names: Any, is_long: bool = False, separator: str | None = None, **attributes: Any
    ) -> None:
        super().__init__(*names, **attributes)
        self._is_long = is_long
        self._separator = separator

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """The value of the strongest variable that is set; `given_by` names it afterwards.

        For a long value, a variable with `_FILE` at its end gives a file with it.
        """
        assert self.name is not None
        spelling = ctx.find_object(Spelling)
        for name in self.envvar or ():
            if spelling is not None and not spelling.reads(name):
                continue
            value = os.environ.get(name)
            path = os.environ.get(name + FILE_SUFFIX) if self._is_long else None
            if value and path:
                raise click.UsageError(
                    f"{name} and {name}{FILE_SUFFIX} are both given; give one of them.", ctx
                )
            if path:
                _given_by(ctx)[self.name] = f"{name}{FILE_SUFFIX} ({path})"
                return _content(path, name + FILE_SUFFIX, ctx)
            if value and not value.startswith(_LINKS):
                _given_by(ctx)[self.name] = name
                return value
        return None

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """What errors call it: its flags, and the variable that has given the value."""
        variable = given_by(ctx, self.name) if ctx and self.name else None
        return super().get_error_hint(ctx) + (f" (from {variable})" if variable else "")

    def value_from_envvar(self, ctx: click.Context) -> Any:
        """The value; those of a list are separated like the directories in PATH, or by spaces."""
        if not self.multiple:
            return super().value_from_envvar(ctx)
        value = self.resolve_envvar_value(ctx)
        return None if value is None else value.split(self._separator)


def _option(setting: Setting) -> Callable[[F], F]:
    kind, default = setting.kind, setting.written_default
    return click.option(
        *setting.flags,
        setting.name,
        cls=_Option,
        is_long=kind.is_long,
        separator=kind.separator,
        type=click.Choice(kind.choices, case_sensitive=False) if kind.choices else kind.type,
        is_flag=kind.type is bool,
        multiple=setting.is_list,
        default=False if kind.type is bool else None,
        envvar=list(setting.all_variables),
        metavar=setting.metavar,
        help=setting.help + (f"  [default: {default}]" if default else ""),
    )


def given_by(context: click.Context, option: str) -> str | None:
    """The variable that has given the option its value, with the file if there is one."""
    return _given_by(context).get(option)


def _given_by(context: click.Context) -> dict[str, str]:
    found: dict[str, str] = context.meta.setdefault(_GIVEN_BY, {})
    return found


def _content(path: str, variable: str, context: click.Context) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        raise click.UsageError(f"{variable}: {path} cannot be read ({why}).", context) from None
