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
from codeserver.client.identity import NOBODY, Identity

if TYPE_CHECKING:
    from codeserver.client import Client

SECONDS = 60.0
"""How long a call may take, unless the user says otherwise."""

LOADING_SECONDS = 180.0
"""How long code that is served for a command may take to load, likewise."""


@dataclass(frozen=True)
class Where:
    """The code location that a command is about: on a running server, or else code to be served.

    The location on a server has a name, which is empty for the only one. Code has arguments of
    `CodeServer`, a label for people, and options of its server. Timeouts of calls and of the load
    are in seconds; None is any time.
    """

    address: str = ""
    location: str = ""
    identity: Identity = NOBODY
    target: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    options: Sequence[str] = ()
    timeout: float | None = SECONDS
    loading_timeout: float = LOADING_SECONDS

    def connect(self) -> Client:
        """A client of the running server."""
        from codeserver.client import connect

        return connect(
            self.address, location=self.location, timeout=self.timeout, identity=self.identity
        )


def check_compiles(where: Where) -> None:
    """Fail with the line that Python cannot compile, if the command is about a file with one."""
    file = where.target.get("python_file")
    if "python" in where.target:
        return  # it may have another syntax
    if file is not None and (lines := syntax_error(os.path.abspath(file))):
        raise Failure(f"{where.label} does not load:", lines)


@contextlib.contextmanager
def client_of(
    where: Where, *, options: Sequence[str] = (), allow_failure: bool = False
) -> Iterator[Client]:
    """A client of the location; code is served until the end of the context."""
    if where.address:
        with where.connect() as client:
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
