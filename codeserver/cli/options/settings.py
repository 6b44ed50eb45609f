"""Command line options made from the settings in `codeserver.config`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from codeserver.cli.options.variables import given_by, value_of
from codeserver.config import settings
from codeserver.settings import Setting

F = TypeVar("F", bound=Callable[..., Any])


def config_options(*names: str) -> Callable[[F], F]:
    """Give a command one option for each setting of these names, or for every one."""

    def decorate(command: F) -> F:
        for setting in reversed(list(settings())):
            if not names or setting.name in names:
                command = _option(setting)(command)
        return command

    return decorate


class _Option(click.Option):
    def __init__(self, *names: Any, is_long: bool = False, **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self._is_long = is_long

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """The value of the strongest variable."""
        assert self.name is not None
        return value_of(ctx, self.name, self.envvar or (), is_long=self._is_long)

    def get_error_hint(self, ctx: click.Context | None) -> str:
        """What errors call it: its flags, and the variable that has given the value."""
        variable = given_by(ctx, self.name) if ctx and self.name else None
        return super().get_error_hint(ctx) + (f" (from {variable})" if variable else "")

    def value_from_envvar(self, ctx: click.Context) -> Any:
        """The value; those of a list are separated like the directories in PATH."""
        if not self.multiple:
            return super().value_from_envvar(ctx)
        value = self.resolve_envvar_value(ctx)
        return None if value is None else value.split(os.pathsep)


def _option(setting: Setting) -> Callable[[F], F]:
    shown = setting.default if setting.default not in (None, False, ()) else None
    return click.option(
        *setting.flags,
        setting.name,
        cls=_Option,
        is_long=setting.is_long,
        type=click.Choice(setting.choices, case_sensitive=False)
        if setting.choices
        else setting.kind,
        is_flag=setting.kind is bool,
        multiple=setting.is_list,
        default=None if setting.kind is not bool else False,
        envvar=list(setting.all_variables),
        metavar=setting.metavar,
        help=setting.help + (f"  [default: {shown}]" if shown is not None else ""),
    )
