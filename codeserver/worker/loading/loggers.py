"""Dagster's loggers, set up as in stock's server, and removed for runs."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

from codeserver.facts import LoadOrder
from codeserver.worker import dagster_internals as dagster

_NAMES = ("dagster", "dagit", "dagster-webserver")
"""Loggers to which `configure_loggers` adds handlers."""

_added: dict[str, list[logging.Handler]] = {}
_shown: list[Callable[..., None]] = []
"""The function that shows warnings, before and after `add`."""


def add(order: LoadOrder) -> None:
    """Set up logging like Dagster's server, before user code sets up its own logging."""
    before = warnings.showwarning
    dagster.configure_loggers(formatter=order.log_format, log_level=order.log_level.upper())
    _shown[:] = before, warnings.showwarning
    _added.update({name: logging.getLogger(name).handlers[:] for name in _NAMES})


def remove() -> None:
    """Undo `add`, for runs, which set up their own logging."""
    for name, handlers in _added.items():
        for handler in handlers:
            logging.getLogger(name).removeHandler(handler)
    if _shown and warnings.showwarning is _shown[1]:  # the user may have replaced it
        warnings.showwarning = _shown[0]
