"""The error for an invalid field of a request."""

from __future__ import annotations

from codeserver.errors import InvalidRequest


def invalid(field: str, what: str, hint: str = "") -> InvalidRequest:
    """The error, with the field in its details.

    Args:
        field: name of the field.
        what: the fault of its value.
        hint: the remedy, if the fault does not imply it.
    """
    detail = {"type": "field", "field": field, "description": what}
    return InvalidRequest(f"{field} is not valid: {what}{hint and '; '}{hint}.", [detail])
