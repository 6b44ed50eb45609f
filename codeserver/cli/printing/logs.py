"""The log: one line for each event, on standard error."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import re
from collections.abc import Iterator
from functools import partial
from typing import IO, cast

from codeserver.cli.printing.background_writer import BackgroundWriter
from codeserver.letters import printable
from codeserver.log_context import LOCATION

_FIELDS = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
_DATE = "%Y-%m-%d %H:%M:%S %z"
_COLORS = {"WARNING": "33", "ERROR": "31", "CRITICAL": "31;1"}
_SIGNS = {"+": "32", "~": "33", "-": "31"}
_DIM = "2"
_CODES = re.compile(r"\x1b\[[\d;]*m")
"""Codes for colours and weights (SGR). Dagster's loggers write them even into pipes."""

_STDERR = 2


@contextlib.contextmanager
def logging_to_stderr(level: str, style: str) -> Iterator[None]:
    """Log to standard error for the time of a block, and write out the rest at its end.

    Output of user code (logger `codeserver.output`) is logged at any level. In the style `colored`,
    there are colours only on a terminal, or as FORCE_COLOR and NO_COLOR say.
    """
    writer = BackgroundWriter(_STDERR)
    root = logging.getLogger("codeserver")
    root.setLevel(level.upper())
    root.propagate = False
    root.handlers = [handler := _handler(style, writer)]
    writer.describe_loss = partial(_loss, handler)
    logging.getLogger("codeserver.output").setLevel(logging.INFO)
    try:
        yield
    finally:
        writer.close()


def _loss(handler: logging.Handler, count: int) -> str:
    text = f"{count} lines of this log were lost, because nobody has read it for long"
    record = logging.LogRecord("codeserver", logging.WARNING, "", 0, text, None, None)
    return f"{handler.format(record)}\n"


def _has_colours(writer: BackgroundWriter) -> bool:
    given = os.environ.get
    return not given("NO_COLOR") and (bool(given("FORCE_COLOR")) or writer.isatty())


def _handler(style: str, writer: BackgroundWriter) -> logging.Handler:
    if style == "rich":
        from rich.console import Console
        from rich.logging import RichHandler

        console = Console(file=cast("IO[str]", writer), force_terminal=_has_colours(writer))
        rich = RichHandler(console=console, show_path=False)
        rich.setFormatter(_Formatter("%(message)s"))
        return rich
    handler = logging.StreamHandler(writer)
    if style == "json":
        handler.setFormatter(_JsonFormatter())
    elif _has_colours(writer):
        handler.setFormatter(_ColorFormatter(_FIELDS, _DATE))
    else:
        handler.setFormatter(_Formatter(_FIELDS, _DATE))
    return handler


class _Formatter(logging.Formatter):
    """Puts the origin before lines of user code, which otherwise keep their form.

    The location stands before the message, if the server has several.
    """

    def format(self, record: logging.LogRecord) -> str:
        if hasattr(record, "origin"):
            return f"{_origin(record)} | {_plain(record.getMessage())}"
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name of logging
        """The line, without an exception behind it."""
        if location := LOCATION.get():
            record.message = f"[{printable(location)}] {record.message}"
        return super().formatMessage(record)


class _ColorFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        if hasattr(record, "origin") and record.levelno == logging.INFO:
            return f"\x1b[{_DIM}m{_origin(record)} |\x1b[0m {record.getMessage()}"
        text = super().format(record)
        for change in getattr(record, "changes", ()):
            text = text.replace(change, f"\x1b[{_SIGNS[change[0]]}m{change}\x1b[0m")
        color = _COLORS.get(record.levelname)
        return f"\x1b[{color}m{text}\x1b[0m" if color else text


def _origin(record: logging.LogRecord) -> str:
    """The origin of the line, without the ids that are in Dagster's own text of the line."""
    origin, pid = str(record.origin), record.pid  # type: ignore[attr-defined]
    where = f"{printable(location)} " if (location := LOCATION.get()) else ""
    text = record.getMessage()
    kind, _, name = origin.partition(" ")
    if kind != "run" or f" - {name} - " not in text:
        return f"{where}{origin} [{pid}]"
    return where + (kind if f" - {pid} - " in text else f"{kind} [{pid}]")


def _plain(text: str) -> str:
    return _CODES.sub("", text) if "\x1b" in text else text


class _JsonFormatter(logging.Formatter):
    """One JSON object a line, with the keys of Dagster's own JSON log (structlog).

    Lines of user code also have their `origin`, its process id `pid`, and their `stream`. A line
    that Dagster has already logged as such an object keeps its values.
    """

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
        line: dict[str, object] = {
            "event": _plain(record.getMessage()),
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": moment.isoformat().replace("+00:00", "Z"),
        }
        if location := LOCATION.get():
            line["location"] = location
        if hasattr(record, "origin"):
            line |= _logged_already(record.getMessage())
            for name in ("origin", "pid", "stream"):
                line[name] = getattr(record, name)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        for name in ("addresses", "changes"):
            if hasattr(record, name):
                line[name] = getattr(record, name)
        return json.dumps(line)


def _logged_already(text: str) -> dict[str, object]:
    if text.startswith("{") and text.endswith("}"):
        with contextlib.suppress(ValueError, RecursionError):
            found = json.loads(text)
            if isinstance(found, dict) and {"event", "level", "timestamp"} <= found.keys():
                return found
    return {}
