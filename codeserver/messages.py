"""Every conversation between the front and its worker processes, message by message.

A message is a frozen dataclass, which travels as one frame (`codeserver.wire`). The field `body`,
where there is one, is the body of the frame, which nothing on the way looks into. Each group below
begins with the order in which its messages may come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from codeserver.errors import InvalidRequest, NotFound, NotPermitted
from codeserver.facts import ImportTime, InstalledPackages, LoadOrder, Surroundings, UsedFiles
from codeserver.marks import Look, Mark
from codeserver.wire import Message

SerializedError = bytes
"""Dagster's serialized `SerializableErrorInfo`; empty when there is none."""


# Forking: with the forkserver, templates, and hosts that fork.
#   front sends Called (to the forkserver, first of all)
#   worker sends DagsterImported or DagsterMissing (from the forkserver)
#   front sends, at any time, Fork, Signal, Adopt, Prepare; Exit, which is the last
#   worker sends Forked or ForkFailed for each Fork; Exited for each child that has ended


@dataclass(frozen=True)
class Called(Message):
    """The command line of the server, which all processes show in `sys.argv`."""

    argv: Sequence[str]


@dataclass(frozen=True)
class DagsterImported(Message):
    """The forkserver obeys orders from now on."""


@dataclass(frozen=True)
class DagsterMissing(Message):
    """The forkserver cannot import Dagster, and ends."""

    text: str


@dataclass(frozen=True)
class Fork(Message):
    """Fork a child; its socket and standard streams come along as descriptors."""

    number: int  # of this order, for the reply
    role: str  # what the child does (`codeserver.worker.process.forking.Role`)


@dataclass(frozen=True)
class Forked(Message):
    """The child of an order has this process id."""

    number: int
    pid: int


@dataclass(frozen=True)
class ForkFailed(Message):
    """The system has no process for an order."""

    number: int
    reason: str


@dataclass(frozen=True)
class Signal(Message):
    """Send a signal to a child; SIGKILL goes to its whole group."""

    pid: int
    signal: int


@dataclass(frozen=True)
class Adopt(Message):
    """Own a child of a dead child, which the kernel has handed to this process."""

    pid: int


@dataclass(frozen=True)
class Prepare(Message):
    """Do ahead of time, once, work that each child would do anew."""


@dataclass(frozen=True)
class Exit(Message):
    """End, with all children but those that outlive their parent."""


@dataclass(frozen=True)
class Exited(Message):
    """A child has ended: with this exit code, negative for a signal."""

    pid: int
    code: int


# Loading: with a host, or with an evaluator that loads the code itself.
#   front sends Load, worker sends Uses, any number of them (from a host)
#   worker sends Loaded (from a host), LoadedAgain (from an evaluator) or LoadError


@dataclass(frozen=True)
class Load(Message):
    """Load the user's code; a descriptor to write stacks to may come along."""

    order: LoadOrder


@dataclass(frozen=True)
class Uses(Message):
    """Sources that the load has imported, each with its mark from before that."""

    files: Mapping[str, Mark | None]


@dataclass(frozen=True)
class Loaded(Message):
    """The host has the code."""

    seconds: Mapping[str, float] = field(default_factory=dict)  # duration of each phase of the load
    isolation: str = "fork"  # how evaluators and runs get the code: `fork` or `spawn`
    reasons: Sequence[str] = ()  # of that choice
    # threads that stock's processes have from the start of Python, and forks lack
    lost_threads: Sequence[str] = ()
    surroundings: Surroundings = field(default_factory=Surroundings)  # as the load has left them
    # serialized `ReconstructableRepository` of each, by name
    repositories: Mapping[str, str] = field(default_factory=dict)
    # the tag `codeserver/runs` of each job that has it, by `repository/job`
    run_wishes: Mapping[str, str] = field(default_factory=dict)
    footprint: UsedFiles = field(default_factory=UsedFiles)  # of the load
    installed: InstalledPackages = field(default_factory=InstalledPackages)  # likewise
    # versions of Dagster's libraries, by name
    libraries: Mapping[str, str] = field(default_factory=dict)
    imports: Sequence[ImportTime] = ()  # the slowest ones, if they were timed


@dataclass(frozen=True)
class LoadedAgain(Message):
    """The evaluator has the code."""


@dataclass(frozen=True)
class LoadError(Message):
    """The code cannot be loaded, or not be described."""

    body: SerializedError  # the error for clients
    text: str  # the error with its traceback, for people
    brief: str  # the text without frames that are not of the user's files, for a terminal
    is_taken: bool = False  # whether something is taken that one process at a time can have
    footprint: UsedFiles | None = None  # of the load, if that got so far
    imports: Sequence[ImportTime] = ()  # the slowest ones, if they were timed


# Describing: with a fork of the host, or with a host that forks nothing.
#   worker sends Listing, Repository for each, Summary; or LoadError at any time before that
#   worker sends DefinitionDigests, JobSnapshot for each that can be described, Described


@dataclass(frozen=True)
class Listing(Message):
    """The serialized `ListRepositoriesResponse`."""

    body: bytes


@dataclass(frozen=True)
class Repository(Message):
    """A repository."""

    body: bytes  # its serialized `RepositorySnap`, which refers to its jobs
    name: str  # its name
    jobs: Sequence[str]  # names of its jobs
    schedules: Sequence[str]  # likewise
    sensors: Sequence[str]  # likewise
    counts: Mapping[str, int]  # how many of each kind people count
    is_dynamic: bool  # whether user code defines it anew whenever it is asked


@dataclass(frozen=True)
class Summary(Message):
    """A client can load the location; what follows takes longer."""

    digest: str  # of all that clients are told
    seconds: float  # duration of the description so far


@dataclass(frozen=True)
class DefinitionDigests(Message):
    """JSON of a digest of each definition, by kind and name."""

    body: bytes


@dataclass(frozen=True)
class JobSnapshot(Message):
    """The serialized `JobDataSnap` of a job."""

    body: bytes
    repository: str
    name: str


@dataclass(frozen=True)
class Described(Message):
    """That was all."""


# Evaluating: with an evaluator.
#   front sends Ask
#   worker sends Answer, Refused or Crashed; then the next


@dataclass(frozen=True)
class Ask(Message):
    """Answer a request."""

    body: bytes  # the serialized argument
    rpc: str  # name of the RPC, or one of the names below
    extra: Mapping[str, Any] = field(default_factory=dict)  # other fields of the request, by name


EXPLAIN, CATALOG = "explain", "catalog"
"""Asked for by the front itself: how Dagster finds fault with an argument, and a description of all
definitions, from which several RPCs are answered."""


@dataclass(frozen=True, kw_only=True)
class _Reply(Message):
    """The end of a request."""

    worn: str | None = None  # why this evaluator should not be used again; None when it may
    # sources that user code has imported since the load, or since the last reply
    late: Mapping[str, Mark | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer(_Reply):
    """The reply of user code."""

    body: bytes  # the serialized reply
    # the body is a bare error, for which the messages of some RPCs have a field of their own, or a
    # repository that cannot be described, which is not to be kept
    is_error: bool = False


@dataclass(frozen=True)
class Refused(_Reply):
    """The request cannot be answered."""

    error: str  # name of the class in `REFUSALS`
    message: str  # of the error
    # of the error (`codeserver.errors.CallerError.details`)
    details: Sequence[Mapping[str, Any]] = ()


REFUSALS = {each.__name__: each for each in (InvalidRequest, NotFound, NotPermitted)}
"""Errors by which a request is refused, by name."""


@dataclass(frozen=True)
class Crashed(_Reply):
    """User code raised an exception that no reply has a place for, such as SystemExit."""

    body: SerializedError
    message: str


# Running: with the process of a run.
#   front sends Reimport (to one that has not imported the code), then Run
#   worker sends Started or NotStarted; Finished, once the run has a final status


@dataclass(frozen=True)
class Reimport(Message):
    """Import the code again, as the host has."""

    surroundings: Surroundings  # of the host
    repositories: Mapping[str, str]  # serialized `ReconstructableRepository` of each, by name


@dataclass(frozen=True)
class Run(Message):
    """Execute a run; the body is its serialized `ExecuteExternalJobArgs`."""

    body: bytes


@dataclass(frozen=True)
class Started(Message):
    """The run is being executed."""


@dataclass(frozen=True)
class NotStarted(Message):
    """The run cannot be executed."""

    body: SerializedError  # the error
    message: str | None = None  # that is shown instead of the error's own; None for that


@dataclass(frozen=True)
class Finished(Message):
    """The run has a final status."""


# Recording: with a caretaker.
#   front sends RecordEnd, worker sends Recorded


@dataclass(frozen=True)
class RecordEnd(Message):
    """Mark a run as failed whose process has ended, unless it has a final status."""

    body: bytes  # the run's serialized `ExecuteExternalJobArgs`
    code: int | None  # exit code of its process, negative for a signal; None when it is not known
    out_of_memory: bool = False  # whether the kernel killed it for that
    last_words: str = ""  # the last lines that it has printed
    # variables that the code was loaded with, for an instance that needs them
    environment: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Recorded(Message):
    """The run has a final status now."""


# Importing: with a template.
#   front sends Import
#   worker sends Imported, and then it forks; or Unfit, and then it ends


@dataclass(frozen=True)
class Import(Message):
    """Import modules of installed packages."""

    modules: Sequence[str]  # their names, in this order
    # variables to import them with; None for one that is not to be there
    environment: Mapping[str, str | None]


@dataclass(frozen=True)
class Imported(Message):
    """The template obeys orders to fork from now on."""


@dataclass(frozen=True)
class Unfit(Message):
    """The import of a module has left something that does not survive a fork, for this reason."""

    module: str
    reason: str


# Rehearsing: with a fork of the host, and then with one of the template.
#   worker sends Values (from the fork of the host)
#   front sends Rehearse (to the other one)
#   worker sends Rehearsed or NotRehearsed


@dataclass(frozen=True)
class Values(Message):
    """JSON of the values that the import has given to names of the user's modules."""

    body: bytes


@dataclass(frozen=True)
class Rehearse(Message):
    """Import the code again, and compare."""

    body: bytes  # of `Values`
    order: LoadOrder  # that the host has obeyed
    surroundings: Surroundings  # of the host


@dataclass(frozen=True)
class Rehearsed(Message):
    """The code was imported."""

    findings: Sequence[str] = ()  # of anything that another import may do otherwise
    # files that the code has asked about, by path, and how they looked
    looks: Mapping[str, Look] = field(default_factory=dict)


@dataclass(frozen=True)
class NotRehearsed(Message):
    """The code could not be imported again, for this reason."""

    reason: str
