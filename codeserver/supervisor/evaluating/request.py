"""A request to user code, and its deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

LONGEST_TIMEOUT = 366 * 86400.0
"""Seconds. Event loops cannot wait for much longer."""

Bytes = bytes | memoryview
"""A serialized argument; one that came in a message is a view of the message."""


@dataclass(frozen=True)
class Deadline:
    """The time at which a caller stops waiting.

    Attributes:
        seconds: the original timeout, for messages.
        at: the deadline in seconds on the monotonic clock.
    """

    seconds: float
    at: float = field(compare=False)

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Make a deadline that is `seconds` from now."""
        return cls(seconds, time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """The seconds that are left; 0 if the deadline has passed."""
        return max(0.0, self.at - time.monotonic())

    @property
    def has_passed(self) -> bool:
        """Whether the deadline has passed."""
        return not self.left

    def __str__(self) -> str:
        """The original timeout, such as `60 seconds`."""
        return f"{max(0.0, self.seconds):.3g} seconds"

    async def limit(self, work: Awaitable[T]) -> T:
        """Wait for the result of `work`.

        Raises:
            asyncio.TimeoutError: the deadline passed, and the work was cancelled.
        """
        return await asyncio.wait_for(work, self.left)


@dataclass(frozen=True)
class Request:
    """A request to user code.

    Attributes:
        argument: the serialized argument.
        deadline: the caller's deadline, which includes the wait for a free evaluator.
        subject: the piece of user code that it is about, such as `sensor nightly`. Requests about
            one subject share the slots of that subject.
        extra: the other fields, by name.
        runs_user_code: whether the request calls a function of the user. Other requests cannot
            hang, and are answered even if all evaluators hang.
    """

    rpc: str
    argument: Bytes
    deadline: Deadline
    subject: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    runs_user_code: bool = True
