"""One request for user code, as the front orders it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

LONGEST_TIMEOUT = 366 * 86400.0
"""Seconds. Deadlines beyond it are as good as none, and event loops cannot count up to them."""

Bytes = bytes | memoryview
"""Of a serialized argument; one that came in a message is a view of that."""


@dataclass(frozen=True)
class Deadline:
    """The moment at which a caller stops waiting; made once, and handed down.

    Attributes:
        seconds: that it was away when it was made, for messages.
        at: seconds on the monotonic clock.
    """

    seconds: float
    at: float = field(compare=False)

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The one that is so many seconds away."""
        return cls(seconds, time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds until then; 0 when it has passed."""
        return max(0.0, self.at - time.monotonic())

    @property
    def has_passed(self) -> bool:
        """Whether no time is left."""
        return not self.left

    def __str__(self) -> str:
        """Its length, such as `60 seconds`."""
        return f"{max(0.0, self.seconds):.3g} seconds"

    async def limit(self, work: Awaitable[T]) -> T:
        """The result of this work.

        Raises:
            asyncio.TimeoutError: it is not there in time; the work is cancelled.
        """
        return await asyncio.wait_for(work, self.left)


@dataclass(frozen=True)
class Request:
    """A question to user code.

    Attributes:
        rpc: name of the RPC.
        argument: its serialized argument.
        deadline: of the caller; waiting for a free evaluator counts.
        subject: the piece of user code that it is about, such as `sensor nightly`. Requests about
            one subject share what one subject may have of the evaluators.
        extra: its other fields, by name.
        runs_user_code: whether a function of the user is called. What does not call one cannot
            hang, and is answered even when all evaluators do.
    """

    rpc: str
    argument: Bytes
    deadline: Deadline
    subject: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    runs_user_code: bool = True
