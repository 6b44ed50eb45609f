"""The error for a field of a request that is not valid."""

from __future__ import annotations

from codeserver.errors import InvalidRequest


def invalid(field: str, what: str, hint: str = "") -> InvalidRequest:
    """The error, with the field in its details.

    Args:
        field: name of the field.
        what: what is wrong with it.
        hint: what to do about it, if that is something else.
    """
    detail = {"type": "field", "field": field, "description": what}
    return InvalidRequest(f"{field} is not valid: {what}{hint and '; '}{hint}.", [detail])
