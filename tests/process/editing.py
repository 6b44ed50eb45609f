"""Code that is edited while it is served, and what the server makes of that."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from tests.process.serving import USER_CODE, Server, skip_message
from tests.support.eventually import eventually

CODE = (USER_CODE / "edition.py").read_text()
BROKEN = CODE + "raise RuntimeError('the user made a mistake')\n"
WATCHED = ("-f", "served.py", "--watch", "--enable-metrics")


def edition(name: str) -> str:
    """The code, of which every part says this."""
    assert 'EDITION = "first"' in CODE
    return CODE.replace('EDITION = "first"', f'EDITION = "{name}"')


def edition_by(source: str) -> str:
    """The code with an edition that these lines find out."""
    return CODE.replace('EDITION = "first"', source)


def replace(file: Path, text: str) -> None:
    """Write the file anew and put it in its place, as most editors do."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def says(server: Server) -> str:
    return skip_message(server, "says")


def shows(server: Server, name: str) -> None:
    """Wait until this edition is served."""
    eventually(lambda: says(server) == name, every=0.1, what=f"edition {name}")


def ended_loads(server: Server) -> int:
    """How many loads have ended, as its metrics say."""
    metrics = json.loads(server.client.ping("")["serialized_server_utilization_metrics"])
    return metrics["load_counts"]["ended"]


def logs(server: Server, part: str, *, times: int = 1) -> None:
    """Wait until the log has this so many times."""
    eventually(lambda: server.server.text.count(part) >= times, what=f"{part!r} in the log")


class Since:
    """What a server that others have used before logs from now on."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._at = len(server.server.text)

    @property
    def text(self) -> str:
        return self._server.server.text[self._at :]

    def logs(self, part: str, *, times: int = 1) -> None:
        """Wait until that has this so many times."""
        eventually(lambda: self.text.count(part) >= times, what=f"{part!r} in the log")


def one_load_after(server: Server, act: Callable[[], object]) -> None:
    """Act, and make sure that the code is loaded once because of it."""
    before = ended_loads(server)
    act()
    eventually(lambda: ended_loads(server) > before, what="a load")
    assert ended_loads(server) == before + 1


def in_place(file: Path, text: str) -> None:
    file.write_text(text)


def in_pieces(file: Path, text: str) -> None:
    """Empty it, and fill it in three writes."""
    third = len(text) // 3
    with file.open("w") as stream:
        for piece in (text[:third], text[third : 2 * third], text[2 * third :]):
            stream.write(piece)
            stream.flush()


def like_vim(file: Path, text: str) -> None:
    """With a swap file, a probe called 4913, and the old file moved away."""
    swap, probe = file.with_name(f".{file.name}.swp"), file.with_name("4913")
    swap.touch()
    probe.touch()
    probe.unlink()
    backup = file.with_name(f"{file.name}~")
    file.rename(backup)
    file.write_text(text)
    backup.unlink()
    swap.unlink()


def like_emacs(file: Path, text: str) -> None:
    """With a lock, which is a link to nowhere, and an automatic copy."""
    lock, copy = file.with_name(f".#{file.name}"), file.with_name(f"#{file.name}#")
    lock.symlink_to("user@host.4711:1700000000")
    copy.write_text(text)
    file.write_text(text)
    copy.unlink()
    lock.unlink()


def like_pycharm(file: Path, text: str) -> None:
    """Through two names beside it."""
    new, old = (file.with_name(f"{file.name}___jb_{what}___") for what in ("tmp", "old"))
    new.write_text(text)
    file.rename(old)
    new.rename(file)
    old.unlink()


def deleted_first(file: Path, text: str) -> None:
    file.unlink()
    file.write_text(text)


def like_rsync(file: Path, text: str) -> None:
    """Put in its place with the times of a file that is older than the one before."""
    before = file.stat()
    new = file.with_name(f".{file.name}.x4fz1")
    new.write_text(text)
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns - 10**12))
    new.replace(file)


WAYS = [replace, in_place, in_pieces, like_vim, like_emacs, like_pycharm, deleted_first, like_rsync]
