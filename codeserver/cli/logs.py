"""The log: one line an event, on standard error."""

from __future__ import annotations

import datetime
import json
import logging
import sys

_FIELDS = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
_DATE = "%Y-%m-%d %H:%M:%S %z"
_COLORS = {"WARNING": "33", "ERROR": "31", "CRITICAL": "31;1"}


def set_up_logging(level: str, style: str) -> None:
    """Log to standard error.

    Args:
        level: name of the least severe level to show.
        style: `colored` (colours only on a terminal), `json` or `rich`.
    """
    root = logging.getLogger("codeserver")
    root.setLevel(level.upper())
    root.propagate = False
    root.handlers = [_handler(style)]


def _handler(style: str) -> logging.Handler:
    if style == "rich":
        from rich.console import Console
        from rich.logging import RichHandler

        return RichHandler(console=Console(stderr=True), show_path=False)
    handler = logging.StreamHandler(sys.stderr)
    if style == "json":
        handler.setFormatter(_JsonFormatter())
    elif sys.stderr.isatty():
        handler.setFormatter(_ColorFormatter(_FIELDS, _DATE))
    else:
        handler.setFormatter(logging.Formatter(_FIELDS, _DATE))
    return handler


class _ColorFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        color = _COLORS.get(record.levelname)
        return f"\x1b[{color}m{text}\x1b[0m" if color else text


class _JsonFormatter(logging.Formatter):
    """One JSON object a line, with the names that structlog gives Dagster's JSON log."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
        line: dict[str, object] = {
            "event": record.getMessage(),
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": moment.isoformat().replace("+00:00", "Z"),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if hasattr(record, "addresses"):
            line["addresses"] = record.addresses
        return json.dumps(line)
