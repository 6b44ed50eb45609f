"""The location that work is about, for the log of a server with several locations."""

from __future__ import annotations

from contextvars import ContextVar

LOCATION: ContextVar[str] = ContextVar("codeserver location", default="")
"""The name of the location; empty for the server itself, and if it has only one location.

Tasks and callbacks have the value of the code that has started them.
"""
