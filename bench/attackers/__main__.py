"""Attack a server for a time: `python -m bench.attackers NAME SOCKET SECONDS FOLDER`.

The folder has the requests to send, one in each file with the name of its RPC. The output is the
count that the attack returns.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from bench.attackers.attacks import ATTACKS, Target


def main() -> None:
    """Attack, as the arguments say."""
    name, socket, seconds, folder = sys.argv[1:]
    requests = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    print(ATTACKS[name](Target(socket, requests, time.monotonic() + float(seconds))))


if __name__ == "__main__":
    main()
