"""A client of the location that a command is about, which may be started for it alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from codeserver.cli.options.code_file import syntax_error
from codeserver.cli.printing import screen
from codeserver.cli.printing.failures import Failure

if TYPE_CHECKING:
    from codeserver.client import Client

SECONDS = 60.0
"""How long a call may take, unless the user says otherwise."""

LOADING_SECONDS = 180.0
"""How long code that is served for a command may take to load, likewise."""


@dataclass(frozen=True)
class Where:
    """The code location that a command is about.

    Attributes:
        address: of a running server; empty for code that is served for the command.
        target: that code: arguments of `CodeServer`.
        label: what people call it.
        options: of the server that is started for it.
        timeout: seconds that a call may take; None for any time.
        loading_timeout: seconds that loading code may take.
    """

    address: str = ""
    target: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    options: Sequence[str] = ()
    timeout: float | None = SECONDS
    loading_timeout: float = LOADING_SECONDS


def check_compiles(where: Where) -> None:
    """See whether Python can compile the file that the command is about, if it is about one.

    Raises:
        Failure: no. It shows the line as Python does.
    """
    file = where.target.get("python_file")
    if file is not None and (lines := syntax_error(os.path.abspath(file))):
        raise Failure(f"{where.label} does not load:", lines)


@contextlib.contextmanager
def client_of(
    where: Where, *, options: Sequence[str] = (), allow_failure: bool = False
) -> Iterator[Client]:
    """A client of the location; code is served until the end of the context.

    Raises:
        CodeserverError: the code does not load, unless failures are allowed.
    """
    if where.address:
        from codeserver.client import connect

        with connect(where.address, timeout=where.timeout) as client:
            yield client
        return
    if not allow_failure:
        check_compiles(where)
    from codeserver.embedding import CodeServer, StartupTimeoutError

    arguments: dict[str, Any] = dict(where.target)
    seconds = where.loading_timeout
    server = CodeServer(
        **arguments,
        # A command starts no run, so nothing needs to be found out about runs.
        options=["--runs", "warm", *where.options, *options],
        allow_failure=allow_failure,
        startup_timeout=seconds,
    )
    with contextlib.ExitStack() as stack:
        try:
            with screen.err().waiting(f"loading {where.label}"):
                stack.enter_context(server)
        except StartupTimeoutError:
            raise Failure(
                f"{where.label} was not loaded within {seconds:g} s; --timeout gives it more."
            ) from None
        yield stack.enter_context(server.connect(timeout=where.timeout))
