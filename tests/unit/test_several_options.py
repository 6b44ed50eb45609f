"""What cannot be given beside a file of locations is refused at once, in one line."""

from __future__ import annotations

from typing import Any

import pytest

from codeserver.cli.options.several import check_combination
from codeserver.config import Config, settings
from codeserver.errors import OperatorError

REFUSED: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "a file": (
        {"python_file": "a.py"},
        {},
        "--python-file is of one location, and --locations lists several; give it in that file.",
    ),
    "a module from a variable": (
        {"module_name": "a"},
        {"module_name": "DAGSTER_MODULE_NAME", "locations": "CODESERVER_LOCATIONS"},
        "DAGSTER_MODULE_NAME is of one location, and CODESERVER_LOCATIONS lists several; give it "
        "in that file.",
    ),
    "a name": (
        {"location_name": "a"},
        {},
        "--location-name is of one location, and --locations lists several; leave it out.",
    ),
    "heartbeats": (
        {"heartbeat": True},
        {},
        "--heartbeat ends a server of one location, and --locations lists several; leave it out.",
    ),
}


@pytest.mark.parametrize(("given", "sources", "line"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(given: dict[str, Any], sources: dict[str, str], line: str) -> None:
    with pytest.raises(OperatorError) as error:
        check_combination(Config(locations="l.toml", **given), sources)
    assert str(error.value) == line
    check_combination(Config(**given), sources)


def test_every_setting_of_one_location() -> None:
    of_one = [each.name for each in settings() if each.scope == "location"]
    assert of_one == [
        *("python_file", "module_name", "package_name", "autoload_defs_module_name", "attribute"),
        *("snapshot", "fixed_server_id", "location_name"),
    ]
    for name in of_one:
        given: dict[str, Any] = {name: "a"}
        with pytest.raises(OperatorError, match="is of one location"):
            check_combination(Config(locations="l.toml", **given), {})


def test_what_is_fine() -> None:
    """The defaults of all, settings of the server, and variables that are set to nothing."""
    given: dict[str, Any] = {
        **{"host": "0.0.0.0", "port": 4000, "socket": "s", "instance_ref": "{}", "runs": "warm"},
        **{"max_workers": 2, "watch": True, "working_directory": "/w", "python": "/python"},
        **{"python_file": "", "location_name": "", "log_level": "debug", "drain_delay": 1.0},
    }
    check_combination(Config(locations="l.toml", **given), {})
