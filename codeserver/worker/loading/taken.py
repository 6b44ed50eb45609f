"""Recognize errors about a resource that only one process can hold, such as a port or a file lock.

The process that loaded the code before may hold it. Pure.
"""

from __future__ import annotations

import errno
import re

_TAKEN = {errno.EADDRINUSE, errno.EAGAIN, errno.EBUSY, errno.EWOULDBLOCK}
_MISTAKES = (ImportError, SyntaxError, NameError, AttributeError, TypeError, LookupError)
"""Errors that quote names, which may happen to contain the word "lock"."""
_WORDS = re.compile(
    r"\block(s|ed|file|ing)?\b|already in use|in use by|failed to bind|temporarily unavailable",
    re.IGNORECASE,
)
_MOST_CAUSES = 50


def is_for_what_is_taken(error: BaseException | None) -> bool:
    """Whether this error, or one of its causes, is about a resource that is taken."""
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
    # Dagster's own errors quote the names of the target, which may contain such words, too.
    is_other = isinstance(error, _MISTAKES) or type(error).__module__.startswith("dagster.")
    try:
        return not is_other and _WORDS.search(str(error)) is not None
    except Exception:  # `__str__` may be the user's
        return False
