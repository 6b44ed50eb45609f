"""The log: one line an event, in each of the three styles."""

from __future__ import annotations

import datetime
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from codeserver.cli.logs import set_up_logging

LEVELS = ["debug", "info", "warning", "error", "critical"]

log = logging.getLogger("codeserver")
child = logging.getLogger("codeserver.part")


class Stream(io.StringIO):
    """Standard error, or a terminal."""

    terminal = False

    def isatty(self) -> bool:
        return self.terminal


SetUp = Callable[..., Stream]


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[SetUp]:
    """Sets up logging to a stream, which it returns; also a terminal."""
    handlers, level, propagate = log.handlers, log.level, log.propagate

    def set_up_to_stream(level: str, style: str, terminal: bool = False) -> Stream:
        made = Stream()
        made.terminal = terminal
        # Not before the test itself runs: pytest sets this, too, at the start of each phase.
        monkeypatch.setattr("sys.stderr", made)
        set_up_logging(level, style)
        return made

    yield set_up_to_stream
    log.handlers, log.propagate = handlers, propagate
    log.setLevel(level)


def json_lines(stream: Stream) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_has_one_object_a_line(set_up: SetUp) -> None:
    stream = set_up("info", "json")
    log.info("loaded %s in %.1f s", "repo.py", 1.25)
    child.warning("two\nlines é€😀")
    first, second = json_lines(stream)
    assert first == {
        "event": "loaded repo.py in 1.2 s",
        "logger": "codeserver",
        "level": "info",
        "timestamp": first["timestamp"],
    }
    assert (second["event"], second["logger"], second["level"]) == (
        "two\nlines é€😀",
        "codeserver.part",
        "warning",
    )


def test_json_timestamps_are_utc(set_up: SetUp) -> None:
    stream = set_up("info", "json")
    log.info("now")
    text = json_lines(stream)[0]["timestamp"]
    moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")
    assert text.endswith("Z")
    assert abs(datetime.datetime.now(datetime.timezone.utc) - moment).total_seconds() < 60


def test_json_has_exceptions_and_addresses(set_up: SetUp) -> None:
    stream = set_up("info", "json")
    try:
        raise ValueError("why")
    except ValueError:
        log.exception("it failed")
    log.info("serving", extra={"addresses": ["unix:/a", "127.0.0.1:1"]})
    failed, serving = json_lines(stream)
    assert failed["event"] == "it failed"
    assert failed["exception"].startswith("Traceback (most recent call last)")
    assert failed["exception"].endswith("ValueError: why")
    assert "addresses" not in failed
    assert "exception" not in serving
    assert serving["addresses"] == ["unix:/a", "127.0.0.1:1"]


@pytest.mark.parametrize("style", ["json", "colored", "rich"])
@pytest.mark.parametrize("level", LEVELS)
def test_levels(set_up: SetUp, level: str, style: str) -> None:
    stream = set_up(level, style)
    for each in LEVELS:
        log.log(getattr(logging, each.upper()), "event of %s", each)
        child.log(getattr(logging, each.upper()), "child of %s", each)
    text = stream.getvalue()
    shown = LEVELS[LEVELS.index(level) :]
    assert [each for each in LEVELS if f"event of {each}" in text] == shown
    assert [each for each in LEVELS if f"child of {each}" in text] == shown


@pytest.mark.parametrize("style", ["colored", "rich"])
def test_no_escapes_where_there_is_no_terminal(set_up: SetUp, style: str) -> None:
    stream = set_up("debug", style)
    for each in LEVELS:
        log.log(getattr(logging, each.upper()), "event")
    assert stream.getvalue().count("event") == len(LEVELS)
    assert "\x1b" not in stream.getvalue()


def test_colors_on_a_terminal(set_up: SetUp) -> None:
    stream = set_up("debug", "colored", terminal=True)
    for each in LEVELS:
        log.log(getattr(logging, each.upper()), "event")
    lines = stream.getvalue().splitlines()
    assert ["\x1b[" in line for line in lines] == [False, False, True, True, True]
    assert all(line.endswith("\x1b[0m") for line in lines[2:]), "the color ends with the line"


def test_fields_of_a_plain_line(set_up: SetUp) -> None:
    stream = set_up("info", "colored")
    log.warning("text")
    moment, name, level, message = stream.getvalue().rstrip("\n").split(" - ")
    assert datetime.datetime.strptime(moment, "%Y-%m-%d %H:%M:%S %z")
    assert (name, level, message) == ("codeserver", "WARNING", "text")


def test_a_line_is_written_once(set_up: SetUp) -> None:
    """Set up twice, and with a root logger that writes, too."""
    root = logging.getLogger()
    stream = set_up("info", "colored")
    handler = logging.StreamHandler(stream)
    root.addHandler(handler)
    try:
        set_up_logging("info", "json")
        log.info("once")
    finally:
        root.removeHandler(handler)
    assert [line["event"] for line in json_lines(stream)] == ["once"]
