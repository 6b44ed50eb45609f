"""Files with secrets, as a server reads them again and again."""

from __future__ import annotations

import logging
import os

from codeserver.contents import content_of, open_regular

_log = logging.getLogger("codeserver")

_FOR_OTHERS = 0o006


def read_secret(path: str, most: int) -> bytes:
    """The content of a file, with a line in the log if every user of the machine may have it.

    Its group may read it: that is how Kubernetes gives a secret to a user.

    Raises:
        OSError: it cannot be read, is longer than `most` bytes, or is a pipe or a device, which
            cannot be read again.
    """
    with open_regular(path) as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        if mode & _FOR_OTHERS:
            _log.warning(
                "%s is a secret that every user of this machine can read or write (mode %o); take "
                "that away, such as with `chmod o= FILE` or `defaultMode: 0440` in Kubernetes",
                path,
                mode,
            )
        return content_of(file, most)
