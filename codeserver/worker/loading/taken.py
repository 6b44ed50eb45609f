"""Whether an error is about something that only one process can have at a time.

A port, the lock of a database file: the process that has loaded the code before may be the one that
has it. Pure.
"""

from __future__ import annotations

import errno
import re

_TAKEN = {errno.EADDRINUSE, errno.EAGAIN, errno.EBUSY, errno.EWOULDBLOCK}
_MISTAKES = (ImportError, SyntaxError, NameError, AttributeError, TypeError, LookupError)
"""Errors that are about names, which may be those of locks."""
_WORDS = re.compile(
    r"\block(s|ed|file|ing)?\b|already in use|in use by|failed to bind|temporarily unavailable",
    re.IGNORECASE,
)
_MOST_CAUSES = 50


def is_for_what_is_taken(error: BaseException | None) -> bool:
    """Whether this error or one of its causes says that something is taken."""
    for _ in range(_MOST_CAUSES):
        if error is None:
            break
        if _says_so(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _says_so(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _TAKEN
    # Dagster's own errors say what was loaded, and that may have such a name, too.
    is_other = isinstance(error, _MISTAKES) or type(error).__module__.startswith("dagster.")
    try:
        return not is_other and _WORDS.search(str(error)) is not None
    except Exception:  # it is the user's
        return False
