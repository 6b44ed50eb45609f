"""Every conversation between the front and its worker processes, message by message.

A message is one frame (`codeserver.wire`), whose `body` is not parsed. Each group has its order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from codeserver import facts
from codeserver.marks import Look, Mark
from codeserver.wire import Message

SerializedError = bytes
"""Dagster's serialized `SerializableErrorInfo`; empty if there is none."""


# Forking: with the forkserver, templates, and hosts that fork.
#   front sends Called (to the forkserver, first of all)
#   worker sends DagsterImported or DagsterMissing (from the forkserver)
#   front sends, at any time, Fork, Signal, Adopt, Prepare; Exit, which is the last
#   worker sends Forked or ForkFailed for each Fork; Exited for each child that has ended


@dataclass(frozen=True)
class Called(Message):
    """The command line of the server, for `sys.argv` of all worker processes."""

    argv: Sequence[str]


@dataclass(frozen=True)
class DagsterImported(Message):
    """The forkserver is ready for orders."""

    dagster: facts.ImportedDagster


@dataclass(frozen=True)
class DagsterMissing(Message):
    """The forkserver cannot import Dagster, and ends."""

    text: str


@dataclass(frozen=True)
class Fork(Message):
    """Fork a child; its socket and standard streams come along as descriptors."""

    number: int  # of this order; the reply repeats it
    role: str  # role of the child (`codeserver.worker.process.forking.Role`)


@dataclass(frozen=True)
class Forked(Message):
    """The child was forked."""

    number: int
    pid: int


@dataclass(frozen=True)
class ForkFailed(Message):
    """The operating system refused to fork a child."""

    number: int
    reason: str


@dataclass(frozen=True)
class Signal(Message):
    """Send a signal to a child; SIGKILL goes to its whole group."""

    pid: int
    signal: int


@dataclass(frozen=True)
class Adopt(Message):
    """Take over the child of a dead child, which the kernel has handed to this process."""

    pid: int


@dataclass(frozen=True)
class Prepare(Message):
    """Do work once, ahead of time, that each child would otherwise repeat."""


@dataclass(frozen=True)
class Exit(Message):
    """End, together with all children except those that outlive their parent."""


@dataclass(frozen=True)
class Exited(Message):
    """A child has ended."""

    pid: int
    code: int  # its exit code; minus the signal number if a signal ended it


# Loading: with a host, or with an evaluator that loads the code itself.
#   front sends Load; worker sends Uses, any number of times (from a host)
#   worker sends Loaded (from a host), LoadedAgain (from an evaluator) or LoadError


@dataclass(frozen=True)
class Load(Message):
    """Load the user's code. A descriptor for stack traces may come along."""

    order: facts.LoadOrder


@dataclass(frozen=True)
class Uses(Message):
    """Source files that the load imports, each with its mark from before the import."""

    files: Mapping[str, Mark | None]


@dataclass(frozen=True)
class Loaded(Message):
    """The host has the code."""

    seconds: Mapping[str, float] = field(default_factory=dict)  # duration of each phase of the load
    isolation: str = "fork"  # how evaluators and runs get the code: `fork` or `spawn`
    reasons: Sequence[str] = ()  # for the choice of isolation
    lost_threads: Sequence[str] = ()  # that each new Python process starts, and a fork lacks
    surroundings: facts.Surroundings = field(default_factory=facts.Surroundings)  # after it
    repositories: Mapping[str, str] = field(default_factory=dict)  # serialized references, by name
    run_wishes: Mapping[str, str] = field(default_factory=dict)  # tags, by `repository/job`
    footprint: facts.UsedFiles = field(default_factory=facts.UsedFiles)  # files that it used
    installed: facts.InstalledPackages = field(default_factory=facts.InstalledPackages)
    libraries: Mapping[str, str] = field(default_factory=dict)  # versions of Dagster's, by name
    imports: Sequence[facts.ImportTime] = ()  # the slowest imports, if imports were timed


@dataclass(frozen=True)
class LoadedAgain(Message):
    """The evaluator has the code."""


@dataclass(frozen=True)
class LoadError(Message):
    """Loading or describing the code has failed."""

    body: SerializedError  # the error for clients
    text: str  # the error with its traceback, for people
    brief: str  # `text` with frames of the user's files only, for a terminal
    is_taken: bool = False  # whether it is about a resource that only one process can hold
    footprint: facts.UsedFiles | None = None  # files that it used; None if it failed before that
    imports: Sequence[facts.ImportTime] = ()  # the slowest imports, if imports were timed


# Describing: with a fork of the host, or with a host that forks nothing.
#   worker sends Listing, a Repository for each, Summary; or LoadError at any time before Summary
#   worker sends DefinitionDigests, a JobSnapshot for each job that can be described, Described


@dataclass(frozen=True)
class Listing(Message):
    """The serialized `ListRepositoriesResponse`."""

    body: bytes


@dataclass(frozen=True)
class Repository(Message):
    """The description of one repository."""

    body: bytes  # serialized `RepositorySnap`, which refers to the jobs by name
    name: str
    jobs: Sequence[str]  # names
    schedules: Sequence[str]  # names
    sensors: Sequence[str]  # names
    counts: Mapping[str, int]  # number of definitions of each kind that is shown to people
    is_dynamic: bool  # whether user code may define it anew at each request


@dataclass(frozen=True)
class Summary(Message):
    """The location can be served; the messages that follow take longer."""

    digest: str  # of everything that clients receive
    seconds: float  # duration of the description so far


@dataclass(frozen=True)
class DefinitionDigests(Message):
    """A digest of each definition, by kind and name, as JSON."""

    body: bytes


@dataclass(frozen=True)
class JobSnapshot(Message):
    """The serialized `JobDataSnap` of a job."""

    body: bytes
    repository: str
    name: str


@dataclass(frozen=True)
class Described(Message):
    """The description is complete."""


# Evaluating: with an evaluator.
#   front sends Ask
#   worker sends Answer, Refused or Crashed; then the next Ask may come


@dataclass(frozen=True)
class Ask(Message):
    """Answer a request."""

    body: bytes  # the serialized argument
    rpc: str  # name of the RPC, or one of the names below
    extra: Mapping[str, Any] = field(default_factory=dict)  # other fields of the request, by name


EXPLAIN, CATALOG = "explain", "catalog"
"""Requests of the front itself: Dagster's error for a malformed argument, and a description of all
definitions, which answers several RPCs."""


@dataclass(frozen=True, kw_only=True)
class _Reply(Message):
    """The end of a request."""

    worn: str | None = None  # reason not to use this evaluator again; None to use it again
    late: Mapping[str, Mark | None] = field(default_factory=dict)  # sources imported meanwhile


@dataclass(frozen=True)
class Answer(_Reply):
    """The reply of user code."""

    body: bytes  # the serialized reply
    # the body is an error, which has a field of its own in some replies, and is never cached
    is_error: bool = False


@dataclass(frozen=True)
class Refused(_Reply):
    """The request cannot be answered."""

    error: str  # name of the class in `codeserver.errors.REFUSALS`
    message: str
    details: Sequence[Mapping[str, Any]] = ()  # see `codeserver.errors.CallerError.details`


@dataclass(frozen=True)
class Crashed(_Reply):
    """User code raised an exception that does not fit into a reply, such as SystemExit."""

    body: SerializedError
    message: str


# Running: with the process of a run.
#   front sends Reimport (to a fresh run, which has not imported the code), then Run
#   worker sends Started or NotStarted; Finished, once the run has a final status


@dataclass(frozen=True)
class Reimport(Message):
    """Import the code again, as the host did."""

    surroundings: facts.Surroundings  # of the host
    repositories: Mapping[str, str]  # see `Loaded.repositories`


@dataclass(frozen=True)
class Run(Message):
    """Execute a run; the body is its serialized `ExecuteExternalJobArgs`."""

    body: bytes
    pinned: facts.PinnedInstance | None = None  # None if it may name any instance
    forks_steps: bool = False  # whether steps of the multiprocess executor are forked
    # files that steps may share the host's import for while they look like this; None for any
    looks: Mapping[str, Look] | None = None


@dataclass(frozen=True)
class Started(Message):
    """The execution of the run has begun."""


@dataclass(frozen=True)
class NotStarted(Message):
    """The run cannot be executed."""

    body: SerializedError
    message: str | None = None  # for the client; None for the message in `body`


@dataclass(frozen=True)
class Finished(Message):
    """The run has a final status."""


# Stepping: between a run and a step that it has forked. Forking is as with the front.
#   run sends Step


@dataclass(frozen=True)
class Step(Message):
    """Execute a step."""

    body: bytes  # what `multiprocessing` sends to a new interpreter: preparation and process
    environment: Mapping[str, str | None]  # variables that the run has changed; None removes one


# Recording: with a caretaker.
#   front sends RecordEnd, worker sends Recorded


@dataclass(frozen=True)
class RecordEnd(Message):
    """Mark a run as failed after the end of its process, unless it has a final status."""

    body: bytes  # the run's serialized `ExecuteExternalJobArgs`
    code: int | None  # exit code of its process, negative for a signal; None if unknown
    out_of_memory: bool = False  # whether the kernel killed the process to free memory
    last_words: str = ""  # the last lines of its output
    pinned: facts.PinnedInstance | None = None  # as for the run
    environment: Mapping[str, str | None] = field(default_factory=dict)  # of the load


@dataclass(frozen=True)
class Recorded(Message):
    """The run has a final status."""


# Importing: with a template.
#   front sends Import
#   worker sends Imported, and then forks; or Unfit, and then ends


@dataclass(frozen=True)
class Import(Message):
    """Import modules of installed packages."""

    modules: Sequence[str]  # names, in the order of the imports
    environment: Mapping[str, str | None]  # variables to set before; None removes one


@dataclass(frozen=True)
class Imported(Message):
    """The template is ready for orders to fork."""


@dataclass(frozen=True)
class Unfit(Message):
    """The import of a module has made the process unsafe to fork."""

    module: str
    reason: str


# Rehearsing: with a fork of the host, and then with one of the template.
#   worker sends Values (from the fork of the host)
#   front sends Rehearse (to the other one)
#   worker sends Rehearsed or NotRehearsed


@dataclass(frozen=True)
class Values(Message):
    """The values of names in the user's modules after the import, as JSON."""

    body: bytes


@dataclass(frozen=True)
class Rehearse(Message):
    """Import the code again, and compare the values."""

    body: bytes  # the body of `Values`
    order: facts.LoadOrder  # the order of the host's load
    surroundings: facts.Surroundings  # of the host


@dataclass(frozen=True)
class Rehearsed(Message):
    """The code was imported again."""

    findings: Sequence[str] = ()  # evidence that another import may differ
    looks: Mapping[str, Look] = field(default_factory=dict)  # at files that the code asked about


@dataclass(frozen=True)
class NotRehearsed(Message):
    """The code could not be imported again."""

    reason: str
