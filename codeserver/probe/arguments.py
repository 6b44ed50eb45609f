"""Arguments of the two health commands, without the time that importing click takes."""

from __future__ import annotations

TYPE_CHECKING = False  # the name that type checkers know, without the time that `typing` takes
if TYPE_CHECKING:
    from collections.abc import Container

_SHORT = {"-h": "host", "-p": "port", "-s": "socket"}

ADDRESS = ("port", "socket", "host")
"""Options that both commands have."""


def parsed(
    argv: list[str], options: Container[str], switches: Container[str] = ()
) -> dict[str, str] | None:
    """The value of each option that is given, the last one if there are several.

    Args:
        argv: the arguments.
        options: names of the options that have a value.
        switches: names of those that have none.

    Returns:
        None for whatever else there is: the real command knows what to say of that.
    """
    found: dict[str, str] = {}
    rest = iter(argv)
    for word in rest:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
        else:
            name, equals, value = _SHORT.get(word[:2], ""), word[2:], word[2:]
        if name in switches and not equals:
            found[name] = ""
        elif name not in options:
            return None
        elif equals:
            found[name] = value
        else:
            following = next(rest, None)
            if following is None:
                return None
            found[name] = following
    return found
