"""The errors for an invalid field of a request, and for a name that nothing has."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from codeserver.errors import InvalidRequest, NotFound

_LONGEST_NAME = 200
_MOST_NAMES = 20


def invalid(field: str, what: str, hint: str = "") -> InvalidRequest:
    """The error, with the field in its details.

    Args:
        field: name of the field.
        what: the fault of its value.
        hint: the remedy, if the fault does not imply it.
    """
    detail = {"type": "field", "field": field, "description": what}
    return InvalidRequest(f"{field} is not valid: {what}{hint and '; '}{hint}.", [detail])


def missing(kind: str, name: str, there: Sequence[str]) -> NotFound:
    """The error for a name that is not there, with the nearest name, or else with those there are.

    Args:
        kind: the kind of thing, such as `repository`.
        name: the name that was asked for.
        there: the names that exist.
    """
    shown = name[:_LONGEST_NAME]
    near = difflib.get_close_matches(shown, there, 1)
    hint = f'did you mean "{near[0]}"?' if near else f"there is {named(there) or 'none'}."
    detail = {"type": "resource", "resource_type": kind, "resource_name": shown}
    return NotFound(f'There is no {kind} "{shown}"; {hint}', [detail])


def named(names: Sequence[str]) -> str:
    """The names in quotes; instead of those beyond 20, their number."""
    quoted = ", ".join(f'"{each}"' for each in names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{quoted} and {more} more" if more > 0 else quoted
