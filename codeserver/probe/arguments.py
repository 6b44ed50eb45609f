"""Arguments of the two health commands, parsed without the slow import of click."""

from __future__ import annotations

TYPE_CHECKING = False  # the name that type checkers know, without the time that `typing` takes
if TYPE_CHECKING:
    from collections.abc import Container

_SHORT = {"-h": "host", "-p": "port", "-s": "socket"}

ADDRESS = ("port", "socket", "host")
"""Options of both commands."""


def parsed(
    argv: list[str], options: Container[str], switches: Container[str] = ()
) -> dict[str, str] | None:
    """The value of each given option; the last one if an option is repeated.

    Switches are options without a value. Any other argument gives None: it is left to the
    real command.
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
