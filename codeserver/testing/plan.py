"""The steps of a run as tests like to look at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeserver.testing.named import UnknownNameError

if TYPE_CHECKING:
    from codeserver.api import v1


class Plan:
    """The steps of a run.

    Attributes:
        message: all of it.
    """

    def __init__(self, message: v1.ExecutionPlan) -> None:
        self.message = message

    def __repr__(self) -> str:
        return f"<plan of {self.message.job}: {', '.join(self.steps)}>"

    @property
    def steps(self) -> list[str]:
        """Keys of the steps, in an order in which they could be executed."""
        return [step.key for step in self.message.steps]

    @property
    def levels(self) -> list[list[str]]:
        """The steps by level; those of one level wait for none of the same."""
        found: list[list[str]] = [[] for _ in range(self.message.levels)]
        for step in self.message.steps:
            found[step.level].append(step.key)
        return found

    def upstream(self, step: str) -> list[str]:
        """Keys of the steps that a step waits for.

        Raises:
            UnknownNameError: there is no such step.
        """
        return list(self[step].upstream)

    def __getitem__(self, step: str) -> v1.Step:
        for each in self.message.steps:
            if each.key == step:
                return each
        raise UnknownNameError(f"step in the plan of {self.message.job}", step, self.steps)
