"""Options that belong to one location, where `--locations` gives a server several."""

from __future__ import annotations

from collections.abc import Mapping

from codeserver.config import Config, settings
from codeserver.errors import OperatorError

_ENDING = ("heartbeat", "on_load_error")
"""Settings that may end the server."""


def check_combination(config: Config, given_by: Mapping[str, str | None]) -> None:
    """Raise an `OperatorError` about an option that cannot be given beside `--locations`.

    Args:
        config: the settings that are given.
        given_by: the variables that have given some of them, by field name.
    """
    if not config.locations:
        return
    of_file = given_by.get("locations") or "--locations"
    for each in settings():
        if getattr(config, each.name) in (each.default, ""):
            continue
        source = given_by.get(each.name) or each.flags[0]
        if each.scope == "location":
            remedy = "give it in that file" if each.name != "location_name" else "leave it out"
            raise OperatorError(
                f"{source} is of one location, and {of_file} lists several; {remedy}."
            )
        if each.name in _ENDING:
            raise OperatorError(
                f"{source} ends a server of one location, and {of_file} lists several; leave it "
                "out."
            )
