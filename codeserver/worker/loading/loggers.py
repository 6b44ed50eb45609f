"""Dagster's loggers, as stock's server sets them up and the process of a run does not."""

from __future__ import annotations

import logging

from codeserver.facts import LoadOrder
from codeserver.worker import dagster_internals as dagster

_NAMES = ("dagster", "dagit", "dagster-webserver")
"""The loggers that `configure_loggers` gives handlers."""

_added: dict[str, list[logging.Handler]] = {}


def add(order: LoadOrder) -> None:
    """Have Dagster log as its server does, before user code sets up logging of its own."""
    dagster.configure_loggers(formatter=order.log_format, log_level=order.log_level.upper())
    _added.update({name: logging.getLogger(name).handlers[:] for name in _NAMES})


def remove() -> None:
    """Undo `add`, for runs, which have logging of their own."""
    for name, handlers in _added.items():
        for handler in handlers:
            logging.getLogger(name).removeHandler(handler)
