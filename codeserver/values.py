"""The types of values that settings have: how people write them, and what that means. Pure."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any


class Refused(ValueError):
    """A value that a setting cannot have.

    The message is a predicate: its subject is the flag or the variable that has given the value.
    """


def _as_it_is(value: Any) -> Any:
    return value


_Types = tuple[type, ...]


@dataclass(frozen=True)
class Kind:
    """The type of a value, as people write it.

    Attributes:
        type: what the command line gives: `str`, `int`, `float` or `bool` (a flag).
        metavar: the placeholder in the help text.
        read: makes the value of what the command line gives, or raises `Refused`.
        write: gives the text of a value.
        choices: the allowed values, if they are few.
        is_long: whether a value may be so long that it is better kept in a file, which the name of
            each variable with `_FILE` behind it gives.
        is_path: whether it is the path of a file or directory.
        other_types: further types that a value has in files whose values have types. `read` takes
            the JSON of them, too.
        separator: stands between the values of a list in a variable; None for spaces.
    """

    type: type
    metavar: str | None = None
    read: Callable[[Any], Any] = _as_it_is
    write: Callable[[Any], str] = str
    choices: tuple[str, ...] | None = None
    is_long: bool = False
    is_path: bool = False
    other_types: _Types = ()
    separator: str | None = os.pathsep

    def read_typed(self, value: Any) -> Any:
        """Make the value from one that has a type, such as the `90` or the `"10m"` of a TOML file.

        Raises:
            Refused: it has another type, or it is none of the choices.
        """
        is_flag = isinstance(value, bool)
        if isinstance(value, self.other_types) and not is_flag:
            return self.read(json.dumps(value, default=str))
        if self.type is float and isinstance(value, int) and not is_flag:
            value = float(value) if abs(value) < _LARGEST_SIZE else math.inf
        if not isinstance(value, self.type) or is_flag is not (self.type is bool):
            words = " or ".join(_TYPE_WORDS[each] for each in (self.type, *self.other_types[:1]))
            raise Refused(f"must be {words}; it is {shown_value(value)}.")
        if self.choices is not None:
            return self._choice(value)
        if "\0" in str(value):
            raise Refused("has a NUL character, which no text of a process can have.")
        return self.read(value)

    def _choice(self, text: Any) -> str:
        """The one that is meant; capitals do not count, as on the command line."""
        assert self.choices is not None
        for choice in self.choices:
            if choice == text.lower():
                return choice
        raise Refused(f"must be one of {', '.join(self.choices)}; it is {shown_value(text)}.")


_TYPE_WORDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a table",
}


def shown_value(value: Any) -> str:
    """A value of a file, for errors about its type."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "empty"
    return repr(value[:80]) if isinstance(value, str) else str(value)[:80]


def written_number(value: float) -> str:
    """The number, without a fraction that is zero."""
    return f"{value:g}" if isinstance(value, float) else str(value)


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", re.IGNORECASE | re.ASCII)

_LARGEST_SIZE = float(1 << 62)


def parse_size(text: str) -> int:
    """Bytes, from a number with a unit such as `512MiB` or `1.5G`.

    K, M, G and T are powers of 1000, and of 1024 with an `i`.

    Raises:
        Refused: it is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise Refused(f"must be a size, such as 512MiB; it is {text[:80]!r}.")
    number, unit, binary = match.groups()
    base = 1024 if binary else 1000
    size = float(number) * base ** " KMGT".index(unit.upper() or " ")
    if size > _LARGEST_SIZE:
        raise Refused(f"is more than a machine has; it is {text[:80]!r}.")
    return int(size)


def write_size(size: int) -> str:
    """The size with the largest unit that it is a whole number of, such as `256MiB`."""
    exponent = 0
    while size and size % 1024 == 0 and exponent < 4:
        size, exponent = size // 1024, exponent + 1
    return f"{size}{('', 'KiB', 'MiB', 'GiB', 'TiB')[exponent]}"


_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.IGNORECASE | re.ASCII)

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}

_LONGEST_DURATION = 366 * 86400.0


def parse_duration(text: str) -> float:
    """Seconds, from a number of them or one with a unit (s, m, h, d) such as `10m` or `1.5h`.

    Raises:
        Refused: it is no duration.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise Refused(f"must be a duration, such as 10m; it is {text[:80]!r}.")
    number, unit = match.groups()
    seconds = float(number) * _SECONDS[unit.lower()]
    if seconds > _LONGEST_DURATION:
        raise Refused(f"must be at most a year; it is {text[:80]!r}.")
    return seconds


def _object(text: str, what: str) -> dict[str, Any]:
    """The JSON object; `what` says in errors which one it must be."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"is not JSON ({error}); it must be {what}.") from None
    if not isinstance(value, dict):
        raise Refused(f"must be {what}; it is {text[:80]}.")
    return value


def parse_object(text: str) -> Mapping[str, Any]:
    """A JSON object.

    Raises:
        Refused: it is none.
    """
    return _object(text, 'an object, such as {"k8s": {}}')


def _serialized(class_name: str) -> Kind:
    """The type of an object that Dagster has serialized.

    It stays text: only a process that has imported Dagster can make the object of it.
    """

    def read(text: str) -> str:
        what = f"a serialized {class_name}"
        if _object(text, what).get("__class__") != class_name:
            raise Refused(f"must be {what}; it is {text[:80]}.")
        return text

    return Kind(str, "JSON", read, is_long=True, other_types=(dict,))


def _pattern(text: str) -> str:
    if not text.removeprefix("!"):
        raise Refused("is empty; give a pattern such as '*.sql'.")
    return text


FilePath = Annotated[str, Kind(str, "FILE", is_path=True)]
DirectoryPath = Annotated[str, Kind(str, "DIR", is_path=True)]
ProgramPath = Annotated[str, Kind(str, "PATH", is_path=True)]
SocketPath = Annotated[str, Kind(str, "PATH", is_path=True)]
NamePattern = Annotated[str, Kind(str, "PATTERN", _pattern)]
Descriptor = Annotated[int, Kind(int, "FD")]
Size = Annotated[int, Kind(str, "SIZE", parse_size, write_size, other_types=(int,))]  # bytes
Duration = Annotated[
    float,  # seconds
    Kind(str, "DURATION", parse_duration, written_number, other_types=(float, int)),
]
JsonObject = Annotated[
    Mapping[str, Any],
    Kind(str, "JSON", parse_object, json.dumps, is_long=True, other_types=(dict,)),
]
SerializedInstanceRef = Annotated[str, _serialized("InstanceRef")]
SerializedDefsStateInfo = Annotated[str, _serialized("DefsStateInfo")]
