"""What a server cannot do, or does slower, elsewhere than on Linux: one line for its log."""

from __future__ import annotations

from codeserver.system import IS_LINUX, NAME


def in_words() -> str | None:
    """The line; None where nothing is lost."""
    if IS_LINUX:
        return None
    return (
        f"{NAME} lacks ways of Linux (docs/macos.md): each new evaluator and run loads the code, "
        "unless --isolation fork is given; a reload imports installed packages again; the server "
        "ends orphans, because the kernel does not; --worker-max-growth goes by the most memory "
        "that a process has had; --worker-memory-limit is refused; child processes that a request "
        "leaves are not counted"
    )
