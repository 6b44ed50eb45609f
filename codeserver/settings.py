"""How a setting of the server is declared, and how its value is written."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any

from codeserver.errors import OperatorError

METADATA_KEY = "setting"
"""Where a field of the config has the arguments of its `Setting`."""


@dataclass(frozen=True)
class Setting:
    """How one field of `Config` is given from outside.

    Attributes:
        name: the field's name.
        default: its value when nothing is given.
        flags: option strings of the command line, long form first.
        help: what it means, with the unit.
        variables: environment variables that Dagster documents for it, strongest first.
        kind: type of the value: `str`, `int`, `float` or `bool` (a flag).
        choices: the allowed values, if they are few.
        metavar: the placeholder in the help text.
        is_list: whether it may be given several times; in a variable, values are separated as in
            PATH.
        last_variables: variables that Dagster reads when all others are unset, strongest first.
        is_long: whether a value may be so long that it is better kept in a file, which the name of
            each variable with `_FILE` behind it gives.
    """

    name: str
    default: Any
    flags: tuple[str, ...]
    help: str
    variables: tuple[str, ...]
    kind: type
    choices: tuple[str, ...] | None
    metavar: str | None
    is_list: bool
    last_variables: tuple[str, ...]
    is_long: bool

    @property
    def all_variables(self) -> tuple[str, ...]:
        """Every environment variable that is read, strongest first.

        Besides the documented ones, Dagster's command line derives one for each option of each of
        the two commands that this server replaces.
        """
        name = self.name.upper()
        return (
            f"CODESERVER_{name}",
            *self.variables,
            f"DAGSTER_CLI_API_GRPC_{name}",
            f"DAGSTER_CLI_CODE_SERVER_START_{name}",
            *self.last_variables,
        )


def setting(
    default: Any,
    *flags: str,
    help: str,
    env: tuple[str, ...] = (),
    kind: type | None = None,
    choices: tuple[str, ...] | None = None,
    metavar: str | None = None,
    is_list: bool = False,
    last_env: tuple[str, ...] = (),
    is_long: bool = False,
) -> Any:
    """Declare a field of the config; the arguments are attributes of `Setting`."""
    return dataclasses.field(
        default=default,
        metadata={
            METADATA_KEY: {
                "default": default,
                "flags": flags,
                "help": help,
                "variables": env,
                "kind": kind or type(default),
                "choices": choices,
                "metavar": metavar,
                "is_list": is_list,
                "last_variables": last_env,
                "is_long": is_long,
            }
        },
    )


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", re.IGNORECASE | re.ASCII)

_LARGEST_SIZE = float(1 << 62)


def parse_size(text: str) -> int:
    """Bytes, from a number with a unit such as `512MiB` or `1.5G`.

    K, M, G and T are powers of 1000, and of 1024 with an `i`.

    Raises:
        OperatorError: it is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise OperatorError(f"{text[:80]!r} is not a size; write for example 512MiB.")
    number, unit, binary = match.groups()
    base = 1024 if binary else 1000
    size = float(number) * base ** " KMGT".index(unit.upper() or " ")
    if size > _LARGEST_SIZE:
        raise OperatorError(f"{text[:80]!r} is more than a machine has; write for example 512MiB.")
    return int(size)


_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.IGNORECASE | re.ASCII)

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

_LONGEST_DURATION = 366 * 86400.0


def parse_duration(text: str) -> float:
    """Seconds, from a number of them or one with a unit (s, m, h, d) such as `10m` or `1.5h`.

    Raises:
        OperatorError: it is no duration.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise OperatorError(f"{text[:80]!r} is not a duration; write for example 10m.")
    number, unit = match.groups()
    seconds = float(number) * _SECONDS[unit.lower()]
    if seconds > _LONGEST_DURATION:
        raise OperatorError(f"{text[:80]!r} is more than a year; write for example 10m.")
    return seconds
