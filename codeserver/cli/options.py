"""Command line options made from the settings in `codeserver.config`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

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
    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """The value of the strongest variable.

        Kubernetes gives pods a variable such as `CODESERVER_PORT=tcp://10.0.0.1:4000` for each
        service; that is not a setting.
        """
        for name in self.envvar or ():
            value = os.environ.get(name)
            if value and not value.startswith(("tcp://", "udp://")):
                return value
        return None

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
