"""Draw the states of a code location into docs/architecture.md, from the table in the code.

With `--check`, only check that the picture is current.
"""

from __future__ import annotations

import sys
from pathlib import Path

from written import write_or_check

from codeserver.lifecycle import Event, State, transitions

PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"
BEGIN, END = "<!-- states: written by `make docs` -->\n", "<!-- end of states -->\n"

_ENDING = (State.DRAINING, State.STOPPED)


def picture() -> str:
    """The Mermaid diagram, with a line for each change of state."""
    events: dict[tuple[State, State], list[str]] = {}
    for before, event, after in transitions():
        if event is not Event.DRAIN and (before is not after) and before not in _ENDING:
            events.setdefault((before, after), []).append(event.value)
    lines = ["stateDiagram-v2", "    [*] --> LOADING"]
    lines += [f"    {a.name} --> {b.name}: {', '.join(names)}" for (a, b), names in events.items()]
    lines.append(f"    {State.DRAINING.name} --> {State.STOPPED.name}: {Event.STOPPED.value}")
    lines.append(
        f"    note left of {State.DRAINING.name}: from every state, at {Event.DRAIN.value}"
    )
    return "\n".join(["```mermaid", *lines, "```", ""])


def page() -> str:
    """The whole page."""
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    return "".join([head, BEGIN, picture(), END, tail])


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page(), "make docs"))
