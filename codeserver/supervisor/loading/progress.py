"""The progress of a load, for the log and for clients that wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codeserver.errors import StillLoading
from codeserver.marks import OWN_FOLDER
from codeserver.processes import is_asleep
from codeserver.supervisor.processes.child import Child
from codeserver.supervisor.processes.tasks import Tasks

_log = logging.getLogger("codeserver")

_PAUSES = (3.0, 7.0, 10.0, 20.0, 30.0)
"""Seconds before each line of the log; the last value repeats."""

_ANSWER_SECONDS = 0.25
"""Seconds to wait for a stack after each of the two signals."""
_RECENT_SECONDS = 1.0
_READ_SIZE = 64 * 1024

_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')
_ESCAPE = re.compile(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_ENDS = ('  File "<string>", line 1 in <module>\n', "  ...\n")
"""The last line of a stack: the forkserver's own program, or the end of one that is too long."""

_MODULE = "<module>"
_LIBRARY = sysconfig.get_path("stdlib")
_NOT_THE_USERS = re.compile(
    r".*/(?:site|dist)-packages/"
    # The library of another Python that loads the code.
    r"|/.*/lib/python3\.\d+/(?:lib-dynload/)?"
    rf"|(?:{re.escape(_LIBRARY)}|{re.escape(os.path.realpath(_LIBRARY))})/(?:lib-dynload/)?"
)
_OWN = f"{OWN_FOLDER}{os.sep}"


class Progress:
    """Follows one load after the other.

    Args:
        directory: the working directory; paths of the user's files are shown relative to it.
    """

    def __init__(self, label: str, directory: str) -> None:
        self._label = label
        self._directory = directory
        self._began = 0.0
        self._doing = ""
        self._asked: _Asked | None = None

    @contextlib.contextmanager
    def of_load(self, tasks: Tasks) -> Iterator[None]:
        """Follow a load during the `with` statement; log its progress if it takes long."""
        self._began, self._doing = asyncio.get_running_loop().time(), "importing Dagster"
        telling = tasks.start("tell progress", self._tell())
        try:
            yield
        finally:
            telling.cancel()
            self._doing = ""

    @contextlib.contextmanager
    def of_host(self, child: Child) -> Iterator[Sequence[int]]:
        """Follow a host while it loads the code; yields the descriptors to send with the order."""
        self._doing = f"loading {self._label}"
        reader, writer = os.pipe()
        os.set_blocking(writer, False)  # a stack that is too long is cut off and cannot block
        self._asked = _Asked(child, reader)
        try:
            yield (writer,)
        finally:
            os.close(writer)
            self._asked.close()
            self._asked, self._doing = None, "describing the definitions"

    async def words(self) -> str:
        """The progress in words: `still importing pandas.core.frame (repo.py line 3), 12 s`."""
        if self._asked is not None:
            found = in_words(await self._asked.stack(), self._directory)
            self._doing = found or self._doing
        seconds = asyncio.get_running_loop().time() - self._began
        return f"still {self._doing or f'loading {self._label}'}, {seconds:.0f} s"

    async def wait_for(self, first_load: asyncio.Event, patience: float | None) -> None:
        """Wait until the first load has ended.

        Raises:
            StillLoading: the load takes more than `patience` seconds.
        """
        if first_load.is_set():
            return
        try:
            await asyncio.wait_for(first_load.wait(), patience)
        except asyncio.TimeoutError:
            words = await self.words()
            if not first_load.is_set():
                raise StillLoading(words) from None

    async def _tell(self) -> None:
        pauses = iter(_PAUSES)
        while True:
            await asyncio.sleep(next(pauses, _PAUSES[-1]))
            _log.info("%s", await self.words())


class _Asked:
    """A process that writes its stack to a pipe at a signal."""

    def __init__(self, child: Child, fd: int) -> None:
        os.set_blocking(fd, False)
        self._child = child
        self._fd: int | None = fd
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._readable: asyncio.Future[None] | None = None
        self._may_ask = False
        self._stack = ""
        self._at = -_RECENT_SECONDS

    async def stack(self) -> str:
        """The stack, as far as the process has written it; empty if it has not answered."""
        async with self._turn:
            if self._loop.time() - self._at >= _RECENT_SECONDS:
                self._stack = await self._ask()
                self._at = self._loop.time()
            return self._stack

    async def _ask(self) -> str:
        self._may_ask = self._read() != b"" or self._may_ask
        if not self._may_ask or self._fd is None:
            return ""
        await self._child.show_stack()
        stack = await self._answer()
        if not stack and is_asleep(self._child.pid):
            await self._child.show_stack(is_native=True)
            stack = await self._answer()
        return stack

    async def _answer(self) -> str:
        read: list[bytes] = []
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._collect(read), _ANSWER_SECONDS)
        return b"".join(read).decode("ascii", "replace")

    async def _collect(self, read: list[bytes]) -> None:
        while self._fd is not None and not _is_whole(b"".join(read).decode("ascii", "replace")):
            self._readable = self._loop.create_future()
            self._loop.add_reader(self._fd, self._wake)
            try:
                await self._readable
            finally:
                self._unwatch()
            if not (chunk := self._read()):
                return
            read.append(chunk)

    def _read(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            return os.read(self._fd, _READ_SIZE) if self._fd is not None else b""
        return b""

    def _unwatch(self) -> None:
        if self._fd is not None:
            self._loop.remove_reader(self._fd)

    def _wake(self) -> None:
        if self._readable is not None and not self._readable.done():
            self._readable.set_result(None)

    def close(self) -> None:
        """Stop asking, and close the pipe."""
        if self._fd is not None:
            self._unwatch()
            os.close(self._fd)
            self._fd = None
            self._wake()


@dataclass(frozen=True)
class _Call:
    file: str
    line: int
    function: str

    @property
    def is_users(self) -> bool:
        """Whether it is in a file that is neither Python's nor installed nor codeserver's."""
        is_own = self.file.startswith(_OWN)
        return os.path.isabs(self.file) and not (is_own or _NOT_THE_USERS.match(self.file))

    def place(self, directory: str) -> str:
        """The module, or the user's file relative to `directory` with the line."""
        if found := _NOT_THE_USERS.match(self.file):
            name = self.file[found.end() :]
            return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        inside = self.file.startswith(f"{directory}{os.sep}")
        shown = os.path.relpath(self.file, directory) if inside else self.file
        return f"{shown} line {self.line}"


def _is_whole(text: str) -> bool:
    """Whether the text is a complete stack."""
    return text.endswith(_ENDS)


def in_words(text: str, directory: str) -> str:
    """The activity of a process that loads code, as a phrase after "still"; empty without a stack.

    Python's `faulthandler` writes the stack, the innermost call first.
    For example `importing pandas.core.frame (repo.py line 3)`, `importing repo.py line 12` or
    `resolving definitions`.

    Args:
        text: a stack, or the part of it that was read.
        directory: the working directory; paths of the user's files are shown relative to it.
    """
    calls = _calls(text)
    if not calls:
        return ""
    users = next((call for call in calls if call.is_users), None)
    module = next(
        (call for call in calls if call.function == _MODULE and call.file[:1] != "<"), None
    )
    if module is None:
        return f"running {users.place(directory)}" if users else "resolving definitions"
    # If a module of the user calls a function during its import, that function takes the time.
    if users is None or module == users:
        return f"importing {module.place(directory)}"
    if module.is_users:
        return f"importing {module.place(directory)}, in {users.place(directory)}"
    return f"importing {module.place(directory)} ({users.place(directory)})"


def _calls(text: str) -> Sequence[_Call]:
    found = (_FRAME.fullmatch(line) for line in text.splitlines())
    return [_Call(_unescaped(each[1]), int(each[2]), _unescaped(each[3])) for each in found if each]


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: found[0].encode("ascii").decode("unicode_escape"), text)
