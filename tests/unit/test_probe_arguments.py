"""Arguments of health commands: what is understood without click, and what is left to it."""

from __future__ import annotations

import pytest

from codeserver.probe.arguments import parsed

CASES: list[tuple[str, dict[str, str] | None]] = [
    ("", {}),
    ("-p 4000 -h ::1", {"port": "4000", "host": "::1"}),
    ("-p4000 --socket=x", {"port": "4000", "socket": "x"}),
    ("--port 1 -p 2", {"port": "2"}),
    ("--host=", {"host": ""}),
    ("--json --host --json", {"json": "", "host": "--json"}),
    ("--json=1", None),
    ("--port", None),
    ("-p", None),
    ("--por 1", None),
    ("-x 1", None),
    ("--help", None),
    ("--", None),
    ("-", None),
    ("extra", None),
]


@pytest.mark.parametrize(("arguments", "expect"), CASES, ids=[each[0] for each in CASES])
def test_parsed(arguments: str, expect: dict[str, str] | None) -> None:
    assert parsed(arguments.split(), ("port", "host", "socket"), ("json",)) == expect
