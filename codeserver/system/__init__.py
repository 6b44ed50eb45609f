"""What the operating system gives, and a second way where it does not.

Linux has the first ways, and pays nothing for the others: which one is taken is decided once, at
the import. The others are for every POSIX system; they are written for macOS.

Both sides use these modules, also after user code was loaded. So they keep the functions that they
call from before.
"""

from __future__ import annotations

import sys

IS_LINUX: bool = sys.platform == "linux"
"""Whether the first ways are taken, where the thing itself cannot be asked for."""

NAME: str = {"darwin": "macOS"}.get(sys.platform, sys.platform)
"""The system, for people."""
