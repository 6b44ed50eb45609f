"""Inputs that nobody has thought of: parsers, requests, and connections.

The tests run a short form. `make fuzz` runs a long one, of `CODESERVER_FUZZ` times as many inputs.
"""

from __future__ import annotations

import os
from pathlib import Path

TIMES = int(os.environ.get("CODESERVER_FUZZ", "1"))
"""How many times as many inputs as in the short form."""

CORPUS = Path(__file__).parent / "corpus"
"""For each target, inputs that have failed once."""
