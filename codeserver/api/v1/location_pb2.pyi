# Written by `make proto` from proto/codeserver/api/v1/location.proto; change that file instead.
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Location(_message.Message):
    __slots__ = ("name", "target", "state", "generation", "server_id", "loaded_at", "load_times", "load_error", "loads", "failed_loads", "versions", "container_image", "counts", "isolation", "work", "repositories", "watches_files", "started_at", "imports", "unloaded_at", "runs", "addresses", "hosts", "executable_path")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Location.State]
        STATE_LOADING: _ClassVar[Location.State]
        STATE_READY: _ClassVar[Location.State]
        STATE_RELOADING: _ClassVar[Location.State]
        STATE_FAILED: _ClassVar[Location.State]
        STATE_LOST: _ClassVar[Location.State]
        STATE_DRAINING: _ClassVar[Location.State]
        STATE_STOPPED: _ClassVar[Location.State]
    STATE_UNSPECIFIED: Location.State
    STATE_LOADING: Location.State
    STATE_READY: Location.State
    STATE_RELOADING: Location.State
    STATE_FAILED: Location.State
    STATE_LOST: Location.State
    STATE_DRAINING: Location.State
    STATE_STOPPED: Location.State
    NAME_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SERVER_ID_FIELD_NUMBER: _ClassVar[int]
    LOADED_AT_FIELD_NUMBER: _ClassVar[int]
    LOAD_TIMES_FIELD_NUMBER: _ClassVar[int]
    LOAD_ERROR_FIELD_NUMBER: _ClassVar[int]
    LOADS_FIELD_NUMBER: _ClassVar[int]
    FAILED_LOADS_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_IMAGE_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    WORK_FIELD_NUMBER: _ClassVar[int]
    REPOSITORIES_FIELD_NUMBER: _ClassVar[int]
    WATCHES_FILES_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    IMPORTS_FIELD_NUMBER: _ClassVar[int]
    UNLOADED_AT_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    ADDRESSES_FIELD_NUMBER: _ClassVar[int]
    HOSTS_FIELD_NUMBER: _ClassVar[int]
    EXECUTABLE_PATH_FIELD_NUMBER: _ClassVar[int]
    name: str
    target: Target
    state: Location.State
    generation: int
    server_id: str
    loaded_at: _timestamp_pb2.Timestamp
    load_times: LoadTimes
    load_error: LoadError
    loads: int
    failed_loads: int
    versions: Versions
    container_image: str
    counts: Counts
    isolation: Isolation
    work: Work
    repositories: _containers.RepeatedScalarFieldContainer[str]
    watches_files: bool
    started_at: _timestamp_pb2.Timestamp
    imports: _containers.RepeatedCompositeFieldContainer[ModuleImport]
    unloaded_at: _timestamp_pb2.Timestamp
    runs: Runs
    addresses: _containers.RepeatedScalarFieldContainer[str]
    hosts: _containers.RepeatedScalarFieldContainer[str]
    executable_path: str
    def __init__(self, name: _Optional[str] = ..., target: _Optional[_Union[Target, _Mapping]] = ..., state: _Optional[_Union[Location.State, str]] = ..., generation: _Optional[int] = ..., server_id: _Optional[str] = ..., loaded_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., load_times: _Optional[_Union[LoadTimes, _Mapping]] = ..., load_error: _Optional[_Union[LoadError, _Mapping]] = ..., loads: _Optional[int] = ..., failed_loads: _Optional[int] = ..., versions: _Optional[_Union[Versions, _Mapping]] = ..., container_image: _Optional[str] = ..., counts: _Optional[_Union[Counts, _Mapping]] = ..., isolation: _Optional[_Union[Isolation, _Mapping]] = ..., work: _Optional[_Union[Work, _Mapping]] = ..., repositories: _Optional[_Iterable[str]] = ..., watches_files: bool = ..., started_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., imports: _Optional[_Iterable[_Union[ModuleImport, _Mapping]]] = ..., unloaded_at: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., runs: _Optional[_Union[Runs, _Mapping]] = ..., addresses: _Optional[_Iterable[str]] = ..., hosts: _Optional[_Iterable[str]] = ..., executable_path: _Optional[str] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("python_file", "module_name", "package_name", "autoload_defs_module_name", "working_directory", "attribute")
    PYTHON_FILE_FIELD_NUMBER: _ClassVar[int]
    MODULE_NAME_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_NAME_FIELD_NUMBER: _ClassVar[int]
    AUTOLOAD_DEFS_MODULE_NAME_FIELD_NUMBER: _ClassVar[int]
    WORKING_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTE_FIELD_NUMBER: _ClassVar[int]
    python_file: str
    module_name: str
    package_name: str
    autoload_defs_module_name: str
    working_directory: str
    attribute: str
    def __init__(self, python_file: _Optional[str] = ..., module_name: _Optional[str] = ..., package_name: _Optional[str] = ..., autoload_defs_module_name: _Optional[str] = ..., working_directory: _Optional[str] = ..., attribute: _Optional[str] = ...) -> None: ...

class LoadTimes(_message.Message):
    __slots__ = ("total", "importing", "resolving", "describing")
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    IMPORTING_FIELD_NUMBER: _ClassVar[int]
    RESOLVING_FIELD_NUMBER: _ClassVar[int]
    DESCRIBING_FIELD_NUMBER: _ClassVar[int]
    total: _duration_pb2.Duration
    importing: _duration_pb2.Duration
    resolving: _duration_pb2.Duration
    describing: _duration_pb2.Duration
    def __init__(self, total: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., importing: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., resolving: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., describing: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ModuleImport(_message.Message):
    __slots__ = ("module", "file", "own", "cumulative", "is_users", "imported_by")
    MODULE_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    OWN_FIELD_NUMBER: _ClassVar[int]
    CUMULATIVE_FIELD_NUMBER: _ClassVar[int]
    IS_USERS_FIELD_NUMBER: _ClassVar[int]
    IMPORTED_BY_FIELD_NUMBER: _ClassVar[int]
    module: str
    file: str
    own: _duration_pb2.Duration
    cumulative: _duration_pb2.Duration
    is_users: bool
    imported_by: str
    def __init__(self, module: _Optional[str] = ..., file: _Optional[str] = ..., own: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., cumulative: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., is_users: bool = ..., imported_by: _Optional[str] = ...) -> None: ...

class LoadError(_message.Message):
    __slots__ = ("type", "message", "frames", "cause", "context", "text")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    type: str
    message: str
    frames: _containers.RepeatedCompositeFieldContainer[StackFrame]
    cause: LoadError
    context: LoadError
    text: str
    def __init__(self, type: _Optional[str] = ..., message: _Optional[str] = ..., frames: _Optional[_Iterable[_Union[StackFrame, _Mapping]]] = ..., cause: _Optional[_Union[LoadError, _Mapping]] = ..., context: _Optional[_Union[LoadError, _Mapping]] = ..., text: _Optional[str] = ...) -> None: ...

class StackFrame(_message.Message):
    __slots__ = ("file", "line", "function", "code")
    FILE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    file: str
    line: int
    function: str
    code: str
    def __init__(self, file: _Optional[str] = ..., line: _Optional[int] = ..., function: _Optional[str] = ..., code: _Optional[str] = ...) -> None: ...

class Versions(_message.Message):
    __slots__ = ("codeserver", "python", "dagster", "libraries")
    class LibrariesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODESERVER_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    DAGSTER_FIELD_NUMBER: _ClassVar[int]
    LIBRARIES_FIELD_NUMBER: _ClassVar[int]
    codeserver: str
    python: str
    dagster: str
    libraries: _containers.ScalarMap[str, str]
    def __init__(self, codeserver: _Optional[str] = ..., python: _Optional[str] = ..., dagster: _Optional[str] = ..., libraries: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Counts(_message.Message):
    __slots__ = ("jobs", "assets", "schedules", "sensors")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    SENSORS_FIELD_NUMBER: _ClassVar[int]
    jobs: int
    assets: int
    schedules: int
    sensors: int
    def __init__(self, jobs: _Optional[int] = ..., assets: _Optional[int] = ..., schedules: _Optional[int] = ..., sensors: _Optional[int] = ...) -> None: ...

class Isolation(_message.Message):
    __slots__ = ("mode", "reasons")
    class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        MODE_UNSPECIFIED: _ClassVar[Isolation.Mode]
        MODE_FORK: _ClassVar[Isolation.Mode]
        MODE_SPAWN: _ClassVar[Isolation.Mode]
    MODE_UNSPECIFIED: Isolation.Mode
    MODE_FORK: Isolation.Mode
    MODE_SPAWN: Isolation.Mode
    MODE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    mode: Isolation.Mode
    reasons: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, mode: _Optional[_Union[Isolation.Mode, str]] = ..., reasons: _Optional[_Iterable[str]] = ...) -> None: ...

class Runs(_message.Message):
    __slots__ = ("mode", "reasons", "rehearsing")
    class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        MODE_UNSPECIFIED: _ClassVar[Runs.Mode]
        MODE_WARM: _ClassVar[Runs.Mode]
        MODE_FRESH: _ClassVar[Runs.Mode]
    MODE_UNSPECIFIED: Runs.Mode
    MODE_WARM: Runs.Mode
    MODE_FRESH: Runs.Mode
    MODE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    REHEARSING_FIELD_NUMBER: _ClassVar[int]
    mode: Runs.Mode
    reasons: _containers.RepeatedScalarFieldContainer[str]
    rehearsing: bool
    def __init__(self, mode: _Optional[_Union[Runs.Mode, str]] = ..., reasons: _Optional[_Iterable[str]] = ..., rehearsing: bool = ...) -> None: ...

class Work(_message.Message):
    __slots__ = ("running", "queued", "max_running", "max_queued", "subjects", "runs", "refused", "ended", "crashed")
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    MAX_RUNNING_FIELD_NUMBER: _ClassVar[int]
    MAX_QUEUED_FIELD_NUMBER: _ClassVar[int]
    SUBJECTS_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    CRASHED_FIELD_NUMBER: _ClassVar[int]
    running: int
    queued: int
    max_running: int
    max_queued: int
    subjects: _containers.RepeatedCompositeFieldContainer[Subject]
    runs: int
    refused: int
    ended: int
    crashed: int
    def __init__(self, running: _Optional[int] = ..., queued: _Optional[int] = ..., max_running: _Optional[int] = ..., max_queued: _Optional[int] = ..., subjects: _Optional[_Iterable[_Union[Subject, _Mapping]]] = ..., runs: _Optional[int] = ..., refused: _Optional[int] = ..., ended: _Optional[int] = ..., crashed: _Optional[int] = ...) -> None: ...

class Subject(_message.Message):
    __slots__ = ("name", "running", "queued")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    name: str
    running: int
    queued: int
    def __init__(self, name: _Optional[str] = ..., running: _Optional[int] = ..., queued: _Optional[int] = ...) -> None: ...

class DefinitionChange(_message.Message):
    __slots__ = ("action", "kind", "name")
    class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ACTION_UNSPECIFIED: _ClassVar[DefinitionChange.Action]
        ACTION_ADDED: _ClassVar[DefinitionChange.Action]
        ACTION_CHANGED: _ClassVar[DefinitionChange.Action]
        ACTION_REMOVED: _ClassVar[DefinitionChange.Action]
    ACTION_UNSPECIFIED: DefinitionChange.Action
    ACTION_ADDED: DefinitionChange.Action
    ACTION_CHANGED: DefinitionChange.Action
    ACTION_REMOVED: DefinitionChange.Action
    ACTION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    action: DefinitionChange.Action
    kind: str
    name: str
    def __init__(self, action: _Optional[_Union[DefinitionChange.Action, str]] = ..., kind: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...
