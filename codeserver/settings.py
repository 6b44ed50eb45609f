"""How a setting of the server is declared."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from codeserver.errors import OperatorError
from codeserver.values import Kind, Refused, shown_value, written_number

Scope = Literal["any", "server", "location"]


@dataclass(frozen=True)
class Setting:
    """How one field of the config is given from outside.

    Attributes:
        name: the field's name.
        default: its value when nothing is given.
        kind: type of the value, or of each value of a list.
        is_list: whether it may be given several times; in a variable, values are separated as in
            PATH.
        flags: option strings of the command line, long form first.
        help: what it means, with the unit.
        variables: environment variables that Dagster documents for it, strongest first.
        last_variables: variables that Dagster reads when all others are unset, strongest first.
        metavar: the placeholder in the help text.
        least: the least number.
        most: the largest number, if there is a least one.
        above: a number that the value must be greater than.
        scope: its place where one server has several locations: it is of the whole `server`, of one
            `location`, or of `any`: of a location, with a default for all of them.
    """

    name: str
    default: Any
    kind: Kind
    is_list: bool
    flags: tuple[str, ...]
    help: str
    variables: tuple[str, ...]
    last_variables: tuple[str, ...]
    metavar: str | None
    least: float | None
    most: float | None
    above: float | None
    scope: Scope

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

    @property
    def written_default(self) -> str | None:
        """The default as people write it; None when there is none, or nothing to write."""
        if self.default in (None, ()) or self.kind.type is bool:
            return None
        return self.kind.write(self.default)

    def read(self, given: Any, source: str | None = None) -> Any:
        """The value that is meant.

        Args:
            given: what the command line has made of the text; a sequence of that for a list.
            source: the variable that has given it, if it was one.

        Raises:
            OperatorError: it is refused. Names the variable, else the flag.
        """
        try:
            return self._read(given, self.kind.read)
        except Refused as why:
            raise OperatorError(f"{source or self.flags[0]} {why}") from None

    def read_typed(self, given: Any) -> Any:
        """The value that is meant by one from a file whose values have types.

        Raises:
            Refused: it is none of this setting.
        """
        if self.is_list and not isinstance(given, list):
            raise Refused(f"must be a list; it is {shown_value(given)}.")
        return self._read(given, self.kind.read_typed)

    def _read(self, given: Any, read: Callable[[Any], Any]) -> Any:
        return tuple(map(read, given)) if self.is_list else self._within_bounds(read(given))

    def _within_bounds(self, value: Any) -> Any:
        if self.most is not None:
            assert self.least is not None
            if not self.least <= value <= self.most:
                raise Refused(
                    f"must be from {self.least:g} to {self.most:g}; it is {written_number(value)}."
                )
        elif self.least is not None and value < self.least:
            raise Refused(f"must be at least {self.least:g}; it is {written_number(value)}.")
        elif self.above is not None and value <= self.above:
            raise Refused(f"must be greater than {self.above:g}; it is {written_number(value)}.")
        if isinstance(value, float) and math.isnan(value):
            raise Refused("must be a number; it is nan.")
        return value


def setting(
    flags: str,
    default: Any = None,
    *,
    help: str,
    env: tuple[str, ...] = (),
    last_env: tuple[str, ...] = (),
    metavar: str | None = None,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    scope: Scope = "any",
) -> Any:
    """Declare a field of the config; the arguments are attributes of `Setting`.

    What else a `Setting` has is said by the annotation of the field: `Size`, `tuple[FilePath, ...]`
    or `Literal["auto", "fork"] | None`.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "flags": tuple(flags.split()),
            "help": help,
            "variables": env,
            "last_variables": last_env,
            "metavar": metavar,
            "least": least,
            "most": most,
            "above": above,
            "scope": scope,
        },
    )


of_server = functools.partial(setting, scope="server")
of_location = functools.partial(setting, scope="location")


def declared(config: type) -> Iterator[Setting]:
    """The settings that are the fields of this dataclass, in order."""
    annotations = get_type_hints(config, include_extras=True)
    for field in dataclasses.fields(config):
        annotation = annotations[field.name]
        form = get_origin(annotation)
        if form in (Union, UnionType, tuple):  # `X | None` and `tuple[X, ...]`
            annotation = get_args(annotation)[0]
        facts = dict(field.metadata)
        kind = _kind_of(annotation)
        facts["metavar"] = facts["metavar"] or kind.metavar
        yield Setting(field.name, field.default, kind, is_list=form is tuple, **facts)


def _kind_of(annotation: Any) -> Kind:
    if get_origin(annotation) is Literal:
        return Kind(str, choices=get_args(annotation))
    if get_origin(annotation) is Annotated:
        found = get_args(annotation)[1]
        assert isinstance(found, Kind)
        return found
    return Kind(annotation, write=written_number if annotation is float else str)
