"""The text of a file, and the tables of a TOML text: every way in which they cannot be had."""

from __future__ import annotations

import os
import re
import stat
import sys
from typing import Any

from codeserver.contents import read_regular
from codeserver.locations.entry import Source

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LONGEST_FILE = 100 << 20
_TOML_PLACE = re.compile(r"(?P<what>.*) \(at (?P<place>line \d+, column \d+|end of document)\)")


def text_of(source: Source) -> str:
    """The text of the file.

    Raises:
        OperatorError: it cannot be read, or it is empty, as a file is that is being written.
    """
    try:
        facts = os.stat(source.path)
        if stat.S_ISDIR(facts.st_mode):
            raise source.fault("is a directory; give a file that lists locations.")
        if not stat.S_ISREG(facts.st_mode):
            raise source.fault("is no regular file, which can be read again.")
        text = read_regular(source.path, _LONGEST_FILE).decode("utf-8-sig")
    except FileNotFoundError:
        raise source.fault("there is no such file.") from None
    except UnicodeDecodeError as error:
        raise source.fault(f"is not UTF-8 at byte {error.start + 1}.") from None
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        raise source.fault(f"cannot be read ({why}).") from None
    if not text.strip():
        raise source.fault("is empty.")
    return text


def tables_of(text: str, source: Source) -> dict[str, Any]:
    """The tables of a TOML text.

    Raises:
        OperatorError: the text is no TOML. It has the line and the column.
    """
    try:
        return tomllib.loads(text)
    except ValueError as error:
        match = _TOML_PLACE.fullmatch(str(error))
        what, place = match.group("what", "place") if match else (str(error), "")
        raise source.fault(f"{what}.", place=place) from None
