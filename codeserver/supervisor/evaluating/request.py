"""One request for user code, as the front orders it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST_TIMEOUT = 366 * 86400.0
"""Seconds. Deadlines beyond it are as good as none, and event loops cannot count up to them."""

Bytes = bytes | memoryview
"""Of a serialized argument; one that came in a message is a view of that."""


@dataclass(frozen=True)
class Request:
    """What user code is asked.

    Attributes:
        rpc: name of the RPC.
        argument: its serialized argument.
        timeout: seconds it may take, waiting for a free evaluator included.
        subject: the piece of user code that it is about, such as `sensor nightly`. Requests about
            one subject share what one subject may have of the evaluators.
        extra: its other fields, by name.
        runs_user_code: whether a function of the user is called. What does not call one cannot
            hang, and is answered even when all evaluators do.
    """

    rpc: str
    argument: Bytes
    timeout: float
    subject: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    runs_user_code: bool = True
