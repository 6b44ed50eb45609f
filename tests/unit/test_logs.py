"""The log: one line an event, in each of the three styles, on the real standard error."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from codeserver.cli.printing import background_writer
from codeserver.cli.printing.logs import logging_to_stderr
from tests.support.eventually import eventually

LEVELS = ["debug", "info", "warning", "error", "critical"]

log = logging.getLogger("codeserver")
child = logging.getLogger("codeserver.part")
output = logging.getLogger("codeserver.output")

pytestmark = pytest.mark.usefixtures("loggers_as_before")

ORIGIN = {"origin": "sensor nightly", "pid": 4711, "stream": "stderr"}


@pytest.fixture(autouse=True)
def no_wish_about_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@contextlib.contextmanager
def standard_error(fd: int) -> Iterator[None]:
    """Have the process's standard error be this."""
    before = os.dup(2)
    os.dup2(fd, 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def logged(work: Callable[[], None], level: str, style: str, *, terminal: bool = False) -> str:
    """All that is on standard error, a file or a terminal, after this has logged."""
    ours, theirs = os.openpty() if terminal else os.pipe()
    try:
        with standard_error(theirs), logging_to_stderr(level, style):
            work()
        return os.read(ours, 65536).decode().replace("\r\n", "\n")
    finally:
        os.close(ours)
        os.close(theirs)


def json_lines(work: Callable[[], None], level: str = "info") -> list[dict[str, Any]]:
    return [json.loads(line) for line in logged(work, level, "json").splitlines()]


def test_json_has_one_object_a_line() -> None:
    def work() -> None:
        log.info("loaded %s in %.1f s", "repo.py", 1.25)
        child.warning("two\nlines é€😀")

    first, second = json_lines(work)
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


def test_json_timestamps_are_utc() -> None:
    [line] = json_lines(lambda: log.info("now"))
    text = line["timestamp"]
    moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")
    assert text.endswith("Z")
    assert abs(datetime.datetime.now(datetime.timezone.utc) - moment).total_seconds() < 60


def test_json_has_exceptions_and_addresses() -> None:
    def work() -> None:
        try:
            raise ValueError("why")
        except ValueError:
            log.exception("it failed")
        log.info("serving", extra={"addresses": ["unix:/a", "127.0.0.1:1"]})

    failed, serving = json_lines(work)
    assert failed["event"] == "it failed"
    assert failed["exception"].startswith("Traceback (most recent call last)")
    assert failed["exception"].endswith("ValueError: why")
    assert "addresses" not in failed
    assert "exception" not in serving
    assert serving["addresses"] == ["unix:/a", "127.0.0.1:1"]


def test_json_of_what_user_code_prints() -> None:
    [line] = json_lines(lambda: output.info("%s", "100% of é", extra=ORIGIN))
    assert line == {
        "event": "100% of é",
        "logger": "codeserver.output",
        "level": "info",
        "timestamp": line["timestamp"],
        **ORIGIN,
    }


DAGSTERS = {
    "event": "Tick",
    "level": "error",
    "timestamp": "2024-01-01T00:00:00Z",
    "logger": "dagster",
    "more": [1],
}

PASSED_ON: dict[str, tuple[str, dict[str, Any]]] = {
    "Dagster's own": (json.dumps(DAGSTERS), DAGSTERS),
    "which says less": (
        '{"event": "e", "level": "info", "timestamp": "t"}',
        {"event": "e", "level": "info", "timestamp": "t", "logger": "codeserver.output"},
    ),
    "where it comes from is ours to say": (
        json.dumps({**DAGSTERS, "origin": "elsewhere", "pid": 1}),
        DAGSTERS,
    ),
}


@pytest.mark.parametrize(("text", "expected"), PASSED_ON.values(), ids=PASSED_ON)
def test_json_that_is_in_the_log_already_is_not_wrapped(
    text: str, expected: dict[str, Any]
) -> None:
    [line] = json_lines(lambda: output.info("%s", text, extra=ORIGIN))
    assert line == {**expected, **ORIGIN}


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{not JSON}",
        '{"event": "e", "level": "info"}',
        '["event", "level", "timestamp"]',
        "{" * 20_000 + "}",
        '{"a":' * 4_000 + "1" + "}" * 4_000,
        '{"event": "e", "level": "info", "timestamp": ' + "1" * 5000 + "}",
        " " + json.dumps(DAGSTERS),
    ],
    ids=lambda text: text[:20],
)
def test_other_json_is_text_as_any(text: str) -> None:
    [line] = json_lines(lambda: output.info("%s", text, extra=ORIGIN))
    assert (line["event"], line["level"]) == (text, "info")


def test_json_of_our_own_lines_is_never_taken_apart() -> None:
    """What a client sends may be in them."""
    [line] = json_lines(lambda: log.warning("%s", json.dumps(DAGSTERS)))
    assert line["event"] == json.dumps(DAGSTERS)
    assert line["level"] == "warning"


@pytest.mark.parametrize("style", ["json", "colored", "rich"])
@pytest.mark.parametrize("level", LEVELS)
def test_levels(level: str, style: str) -> None:
    def work() -> None:
        for each in LEVELS:
            log.log(getattr(logging, each.upper()), "event of %s", each)
            child.log(getattr(logging, each.upper()), "child of %s", each)
        output.info("from user code", extra=ORIGIN)

    text = logged(work, level, style)
    shown = LEVELS[LEVELS.index(level) :]
    assert [each for each in LEVELS if f"event of {each}" in text] == shown
    assert [each for each in LEVELS if f"child of {each}" in text] == shown
    assert "from user code" in text, "what user code prints is no event of ours"


@pytest.mark.parametrize("style", ["colored", "rich"])
def test_no_escapes_where_there_is_no_terminal(style: str) -> None:
    def work() -> None:
        for each in LEVELS:
            log.log(getattr(logging, each.upper()), "event")
        output.info("\x1b[32mevent\x1b[0m", extra=ORIGIN)

    text = logged(work, "debug", style)
    assert text.count("event") == len(LEVELS) + 1
    assert "\x1b" not in text


def test_colors_on_a_terminal() -> None:
    def work() -> None:
        for each in LEVELS:
            log.log(getattr(logging, each.upper()), "event")

    lines = logged(work, "debug", "colored", terminal=True).splitlines()
    assert ["\x1b[" in line for line in lines] == [False, False, True, True, True]
    assert all(line.endswith("\x1b[0m") for line in lines[2:]), "the color ends with the line"


CHANGES = ["+1 asset daily_orders", "~2 jobs ingest, load", "-1 schedule nightly"]


def log_changes() -> None:
    log.info("reload #%d  %s", 7, "  ".join(CHANGES), extra={"changes": CHANGES})


def test_changes_have_colors_on_a_terminal_only() -> None:
    shown = logged(log_changes, "info", "colored", terminal=True)
    assert shown.endswith(
        "reload #7  \x1b[32m+1 asset daily_orders\x1b[0m  \x1b[33m~2 jobs ingest, load\x1b[0m  "
        "\x1b[31m-1 schedule nightly\x1b[0m\n"
    )
    assert logged(log_changes, "info", "colored").endswith(f"reload #7  {'  '.join(CHANGES)}\n")


def test_changes_are_data_in_json() -> None:
    (line,) = json_lines(log_changes)
    assert line["changes"] == CHANGES


def test_what_user_code_prints_keeps_its_own_colors_on_a_terminal() -> None:
    text = logged(
        lambda: output.info("%s", "\x1b[32mgreen\x1b[0m", extra=ORIGIN),
        *("info", "colored"),
        terminal=True,
    )
    assert text == "\x1b[2msensor nightly [4711] |\x1b[0m \x1b[32mgreen\x1b[0m\n"


@pytest.mark.parametrize(
    ("variable", "terminal", "coloured"),
    [("NO_COLOR", True, False), ("FORCE_COLOR", False, True)],
)
def test_variables_decide_about_colours(
    monkeypatch: pytest.MonkeyPatch, variable: str, terminal: bool, coloured: bool
) -> None:
    def work() -> None:
        log.error("ours")
        output.info("\x1b[32mtheirs\x1b[0m", extra=ORIGIN)

    monkeypatch.setenv(variable, "1")
    lines = logged(work, "info", "colored", terminal=terminal).splitlines()

    assert ["\x1b[" in line for line in lines] == [coloured] * 2


def test_json_has_no_colour_codes() -> None:
    (line,) = json_lines(lambda: output.info("\x1b[1;32mtheirs\x1b[0m", extra=ORIGIN))
    assert line["event"] == "theirs"


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("DEBUG - j - 69047a2a - 4711 - RUN_START - Started", "run |"),
        ("INFO - j - 69047a2a - hello - from op", "run [4711] |"),
        ("printed", "run 69047a2a [4711] |"),
    ],
    ids=["of Dagster with both", "of Dagster with the id", "of the op"],
)
def test_a_run_has_its_id_and_process_once_in_a_line(text: str, origin: str) -> None:
    extra = {**ORIGIN, "origin": "run 69047a2a"}

    assert logged(lambda: output.info(text, extra=extra), "info", "colored") == f"{origin} {text}\n"
    (line,) = json_lines(lambda: output.info(text, extra=extra))
    assert (line["event"], line["origin"], line["pid"]) == (text, "run 69047a2a", 4711)


def test_losses_of_what_user_code_prints_are_warnings() -> None:
    def work() -> None:
        output.warning("3 bytes were dropped", extra=ORIGIN)

    text = logged(work, "info", "colored", terminal=True)
    assert text == "\x1b[33msensor nightly [4711] | 3 bytes were dropped\x1b[0m\n"


def test_fields_of_a_plain_line() -> None:
    text = logged(lambda: log.warning("text"), "info", "colored")
    moment, name, level, message = text.rstrip("\n").split(" - ")
    assert datetime.datetime.strptime(moment, "%Y-%m-%d %H:%M:%S %z")
    assert (name, level, message) == ("codeserver", "WARNING", "text")


def test_a_plain_line_of_user_code() -> None:
    text = logged(lambda: output.info("  indented %d", 1, extra=ORIGIN), "info", "colored")
    assert text == "sensor nightly [4711] |   indented 1\n"


def test_a_line_is_written_once() -> None:
    """Set up twice, and with a root logger that writes, too."""

    def work() -> None:
        root = logging.getLogger()
        handler = logging.StreamHandler()
        root.addHandler(handler)
        try:
            with logging_to_stderr("info", "json"):
                log.info("once")
                output.info("once", extra=ORIGIN)
        finally:
            root.removeHandler(handler)

    assert [line["event"] for line in json_lines(work)] == ["once", "once"]


@pytest.mark.parametrize("style", ["json", "colored", "rich"])
def test_what_nobody_reads_is_lost_and_said_to_be(
    monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    monkeypatch.setattr(background_writer, "_MOST_UNWRITTEN", 1000)
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    read: list[bytes] = []

    said = "lines of this log were lost, because nobody has read it for long"

    def loss() -> str | None:
        """Whole lines, once the loss is among them; others may follow it."""
        with contextlib.suppress(BlockingIOError):
            read.append(os.read(reader, 1_000_000))
        lines = b"".join(read).decode().rpartition("\n")[0]
        return lines if said in " ".join(lines.split()) else None

    with standard_error(writer), logging_to_stderr("info", style):
        for _ in range(20):
            log.info("x" * 1000)
        text = eventually(loss, every=0.01)
    os.close(reader)
    os.close(writer)
    if style == "json":
        line = next(json.loads(each) for each in text.splitlines() if said in each)
        assert (line["level"], line["logger"]) == ("warning", "codeserver")


def test_without_a_standard_error() -> None:
    """As under a supervisor that closes it."""
    before = os.dup(2)
    os.close(2)
    try:
        with logging_to_stderr("info", "json"):
            log.info("to nobody")
    finally:
        os.dup2(before, 2)
        os.close(before)
