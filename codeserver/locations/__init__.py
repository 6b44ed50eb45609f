"""The file that lists the code locations of a server (`--locations`): its formats and its meaning.

`read` is the only way in. Every mistake in the file is an `OperatorError` of one line.
"""

from codeserver.locations.entry import Entry
from codeserver.locations.reading import read

__all__ = ["Entry", "read"]
