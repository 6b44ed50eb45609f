"""`codeserver dockerfile`: a Dockerfile for the project in the current directory."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from codeserver.cli.commands.dockerfile.user_requirements import declared
from codeserver.cli.options.code_file import usage_errors
from codeserver.cli.options.location import TARGET_OPTIONS as CODE_OPTIONS
from codeserver.cli.options.output import output_option, write
from codeserver.cli.options.settings import config_options
from codeserver.cli.printing import screen
from codeserver.config import Config, settings
from codeserver.errors import OperatorError
from codeserver.target import resolve

TEMPLATE = Path(__file__).with_name("Dockerfile")
"""The Dockerfile of codeserver itself; one for a project has other defaults of arguments."""

REQUIREMENTS = ("requirements.txt", "uv.lock", "pyproject.toml")
"""Files that declare requirements; the image installs those of the first that exists."""

TARGET_OPTIONS = tuple(name for name in CODE_OPTIONS if name != "python")
_PATHS = ("python_file", "working_directory")
_WORD = re.compile(r"[\w./:=@+-]+", re.ASCII)


@click.command("dockerfile")
@output_option
@click.option(
    "--separate-environment",
    is_flag=True,
    help="Install codeserver beside the environment of the code, in one of its own.",
)
@config_options(*TARGET_OPTIONS)
def dockerfile_command(output: Path | None, separate_environment: bool, **options: Any) -> None:
    """Write a Dockerfile for the project in the current directory.

    The image serves the target of the options, or else that of pyproject.toml. It installs the
    requirements of the first of these files that exists: requirements.txt, uv.lock,
    pyproject.toml. It runs as an unprivileged user on a read-only file system. The build fails if
    the code does not load.
    """
    config = Config.from_options(options)
    with usage_errors():
        resolve(config)
        words = list(target_words(config))
    write(output, filled_in(words, is_separate=separate_environment), "docker")
    found = [name for name in REQUIREMENTS if Path(name).is_file()]
    if not found:
        names = " or ".join((", ".join(REQUIREMENTS[:-1]), REQUIREMENTS[-1]))
        screen.err().line(f"there is no {names} here: the image gets nothing beside Dagster")
    elif found == ["pyproject.toml"] and "dependencies" not in declared(Path()):
        screen.err().line(
            "pyproject.toml has no `dependencies` in [project]: the image gets nothing beside "
            "Dagster"
        )


def target_words(config: Config) -> Iterator[str]:
    """The options for `codeserver grpc` in the image, where the current directory is /app."""
    for setting in settings():
        value = getattr(config, setting.name) if setting.name in TARGET_OPTIONS else None
        if value is None:
            continue
        if setting.name in _PATHS:
            value = _below(value)
        if setting.name == "python_file" and not Path(value).is_file():
            raise OperatorError(f"{value}: there is no such file.")
        if not _WORD.fullmatch(value):
            raise OperatorError(f"{value!r} has characters that a Dockerfile's TARGET cannot have.")
        yield min(setting.flags, key=len)
        yield value


def _below(path: str) -> str:
    """The path relative to the current directory; an error if it is outside."""
    relative = os.path.relpath(path)
    if relative.split(os.sep)[0] == os.pardir:
        raise OperatorError(f"{path} is outside of this directory, which becomes the image's /app.")
    return relative


def filled_in(words: list[str], *, is_separate: bool) -> str:
    """The Dockerfile for a project with these options.

    Args:
        words: the target.
        is_separate: whether codeserver has an environment of its own in the image.
    """
    text = TEMPLATE.read_text("utf-8")
    defaults = {
        "PYTHON_VERSION": f"{sys.version_info.major}.{sys.version_info.minor}",
        "USER_CODE": ".",
        "CODESERVER": f"codeserver=={metadata.version('codeserver')}",
        "SEPARATE_ENVIRONMENT": "yes" if is_separate else "",
        "TARGET": " ".join(words),
    }
    for name, value in defaults.items():
        line = f"ARG {name}={value}" if _WORD.fullmatch(value) else f'ARG {name}="{value}"'
        text, replaced = re.subn(rf"^ARG {name}=.*$", line, text, flags=re.MULTILINE)
        assert replaced == 1, name
    return text
