"""A code location as tests like to look at it."""

from __future__ import annotations

from codeserver.code_location.location import CodeLocation
from codeserver.code_location.named import UnknownNameError

__all__ = ["CodeLocation", "UnknownNameError"]
