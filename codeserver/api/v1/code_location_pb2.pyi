# Written by `make proto` from proto/codeserver/api/v1/code_location.proto; change that file instead.
from codeserver.api.v1 import definitions_pb2 as _definitions_pb2
from codeserver.api.v1 import location_pb2 as _location_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListLocationsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListLocationsResponse(_message.Message):
    __slots__ = ("locations",)
    LOCATIONS_FIELD_NUMBER: _ClassVar[int]
    locations: _containers.RepeatedCompositeFieldContainer[_location_pb2.Location]
    def __init__(self, locations: _Optional[_Iterable[_Union[_location_pb2.Location, _Mapping]]] = ...) -> None: ...

class GetLocationRequest(_message.Message):
    __slots__ = ("location",)
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    location: str
    def __init__(self, location: _Optional[str] = ...) -> None: ...

class GetLocationResponse(_message.Message):
    __slots__ = ("location",)
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    location: _location_pb2.Location
    def __init__(self, location: _Optional[_Union[_location_pb2.Location, _Mapping]] = ...) -> None: ...

class WatchLocationRequest(_message.Message):
    __slots__ = ("location",)
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    location: str
    def __init__(self, location: _Optional[str] = ...) -> None: ...

class WatchLocationResponse(_message.Message):
    __slots__ = ("location", "changes")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    location: _location_pb2.Location
    changes: _containers.RepeatedCompositeFieldContainer[_location_pb2.DefinitionChange]
    def __init__(self, location: _Optional[_Union[_location_pb2.Location, _Mapping]] = ..., changes: _Optional[_Iterable[_Union[_location_pb2.DefinitionChange, _Mapping]]] = ...) -> None: ...

class ReloadLocationRequest(_message.Message):
    __slots__ = ("location",)
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    location: str
    def __init__(self, location: _Optional[str] = ...) -> None: ...

class ReloadLocationResponse(_message.Message):
    __slots__ = ("location", "changes")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    location: _location_pb2.Location
    changes: _containers.RepeatedCompositeFieldContainer[_location_pb2.DefinitionChange]
    def __init__(self, location: _Optional[_Union[_location_pb2.Location, _Mapping]] = ..., changes: _Optional[_Iterable[_Union[_location_pb2.DefinitionChange, _Mapping]]] = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "repository", "names", "tags", "owners", "include_implicit", "location")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_IMPLICIT_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    repository: str
    names: _containers.RepeatedScalarFieldContainer[str]
    tags: _containers.RepeatedScalarFieldContainer[str]
    owners: _containers.RepeatedScalarFieldContainer[str]
    include_implicit: bool
    location: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., repository: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., tags: _Optional[_Iterable[str]] = ..., owners: _Optional[_Iterable[str]] = ..., include_implicit: bool = ..., location: _Optional[str] = ...) -> None: ...

class ListJobsResponse(_message.Message):
    __slots__ = ("jobs", "next_page_token", "generation")
    JOBS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[_definitions_pb2.Job]
    next_page_token: str
    generation: int
    def __init__(self, jobs: _Optional[_Iterable[_Union[_definitions_pb2.Job, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., generation: _Optional[int] = ...) -> None: ...

class ListAssetsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "repository", "keys", "tags", "groups", "owners", "kinds", "location")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    repository: str
    keys: _containers.RepeatedScalarFieldContainer[str]
    tags: _containers.RepeatedScalarFieldContainer[str]
    groups: _containers.RepeatedScalarFieldContainer[str]
    owners: _containers.RepeatedScalarFieldContainer[str]
    kinds: _containers.RepeatedScalarFieldContainer[str]
    location: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., repository: _Optional[str] = ..., keys: _Optional[_Iterable[str]] = ..., tags: _Optional[_Iterable[str]] = ..., groups: _Optional[_Iterable[str]] = ..., owners: _Optional[_Iterable[str]] = ..., kinds: _Optional[_Iterable[str]] = ..., location: _Optional[str] = ...) -> None: ...

class ListAssetsResponse(_message.Message):
    __slots__ = ("assets", "next_page_token", "generation")
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    assets: _containers.RepeatedCompositeFieldContainer[_definitions_pb2.Asset]
    next_page_token: str
    generation: int
    def __init__(self, assets: _Optional[_Iterable[_Union[_definitions_pb2.Asset, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., generation: _Optional[int] = ...) -> None: ...

class ListSchedulesRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "repository", "names", "tags", "owners", "jobs", "location")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    repository: str
    names: _containers.RepeatedScalarFieldContainer[str]
    tags: _containers.RepeatedScalarFieldContainer[str]
    owners: _containers.RepeatedScalarFieldContainer[str]
    jobs: _containers.RepeatedScalarFieldContainer[str]
    location: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., repository: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., tags: _Optional[_Iterable[str]] = ..., owners: _Optional[_Iterable[str]] = ..., jobs: _Optional[_Iterable[str]] = ..., location: _Optional[str] = ...) -> None: ...

class ListSchedulesResponse(_message.Message):
    __slots__ = ("schedules", "next_page_token", "generation")
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    schedules: _containers.RepeatedCompositeFieldContainer[_definitions_pb2.Schedule]
    next_page_token: str
    generation: int
    def __init__(self, schedules: _Optional[_Iterable[_Union[_definitions_pb2.Schedule, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., generation: _Optional[int] = ...) -> None: ...

class ListSensorsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "repository", "names", "tags", "owners", "jobs", "types", "location")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    TYPES_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    repository: str
    names: _containers.RepeatedScalarFieldContainer[str]
    tags: _containers.RepeatedScalarFieldContainer[str]
    owners: _containers.RepeatedScalarFieldContainer[str]
    jobs: _containers.RepeatedScalarFieldContainer[str]
    types: _containers.RepeatedScalarFieldContainer[_definitions_pb2.SensorType]
    location: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., repository: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., tags: _Optional[_Iterable[str]] = ..., owners: _Optional[_Iterable[str]] = ..., jobs: _Optional[_Iterable[str]] = ..., types: _Optional[_Iterable[_Union[_definitions_pb2.SensorType, str]]] = ..., location: _Optional[str] = ...) -> None: ...

class ListSensorsResponse(_message.Message):
    __slots__ = ("sensors", "next_page_token", "generation")
    SENSORS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    sensors: _containers.RepeatedCompositeFieldContainer[_definitions_pb2.Sensor]
    next_page_token: str
    generation: int
    def __init__(self, sensors: _Optional[_Iterable[_Union[_definitions_pb2.Sensor, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., generation: _Optional[int] = ...) -> None: ...

class ListResourcesRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "repository", "names", "types", "location")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    TYPES_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    repository: str
    names: _containers.RepeatedScalarFieldContainer[str]
    types: _containers.RepeatedScalarFieldContainer[str]
    location: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., repository: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., types: _Optional[_Iterable[str]] = ..., location: _Optional[str] = ...) -> None: ...

class ListResourcesResponse(_message.Message):
    __slots__ = ("resources", "next_page_token", "generation")
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    resources: _containers.RepeatedCompositeFieldContainer[_definitions_pb2.Resource]
    next_page_token: str
    generation: int
    def __init__(self, resources: _Optional[_Iterable[_Union[_definitions_pb2.Resource, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., generation: _Optional[int] = ...) -> None: ...

class GetJobRequest(_message.Message):
    __slots__ = ("name", "repository", "op_selection", "location")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    OP_SELECTION_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    name: str
    repository: str
    op_selection: _containers.RepeatedScalarFieldContainer[str]
    location: str
    def __init__(self, name: _Optional[str] = ..., repository: _Optional[str] = ..., op_selection: _Optional[_Iterable[str]] = ..., location: _Optional[str] = ...) -> None: ...

class GetJobResponse(_message.Message):
    __slots__ = ("job", "graph", "resource_configs", "generation")
    class ResourceConfigsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _definitions_pb2.ConfigType
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_definitions_pb2.ConfigType, _Mapping]] = ...) -> None: ...
    JOB_FIELD_NUMBER: _ClassVar[int]
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_CONFIGS_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    job: _definitions_pb2.Job
    graph: _definitions_pb2.Graph
    resource_configs: _containers.MessageMap[str, _definitions_pb2.ConfigType]
    generation: int
    def __init__(self, job: _Optional[_Union[_definitions_pb2.Job, _Mapping]] = ..., graph: _Optional[_Union[_definitions_pb2.Graph, _Mapping]] = ..., resource_configs: _Optional[_Mapping[str, _definitions_pb2.ConfigType]] = ..., generation: _Optional[int] = ...) -> None: ...

class GetAssetGraphRequest(_message.Message):
    __slots__ = ("selection", "repository", "location")
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    selection: str
    repository: str
    location: str
    def __init__(self, selection: _Optional[str] = ..., repository: _Optional[str] = ..., location: _Optional[str] = ...) -> None: ...

class GetAssetGraphResponse(_message.Message):
    __slots__ = ("assets", "edges", "generation")
    ASSETS_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    assets: _containers.RepeatedCompositeFieldContainer[_definitions_pb2.Asset]
    edges: _containers.RepeatedCompositeFieldContainer[_definitions_pb2.AssetEdge]
    generation: int
    def __init__(self, assets: _Optional[_Iterable[_Union[_definitions_pb2.Asset, _Mapping]]] = ..., edges: _Optional[_Iterable[_Union[_definitions_pb2.AssetEdge, _Mapping]]] = ..., generation: _Optional[int] = ...) -> None: ...

class GetExecutionPlanRequest(_message.Message):
    __slots__ = ("job", "repository", "run_config", "partition_key", "op_selection", "asset_selection", "location")
    JOB_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    RUN_CONFIG_FIELD_NUMBER: _ClassVar[int]
    PARTITION_KEY_FIELD_NUMBER: _ClassVar[int]
    OP_SELECTION_FIELD_NUMBER: _ClassVar[int]
    ASSET_SELECTION_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    job: str
    repository: str
    run_config: str
    partition_key: str
    op_selection: _containers.RepeatedScalarFieldContainer[str]
    asset_selection: _containers.RepeatedScalarFieldContainer[str]
    location: str
    def __init__(self, job: _Optional[str] = ..., repository: _Optional[str] = ..., run_config: _Optional[str] = ..., partition_key: _Optional[str] = ..., op_selection: _Optional[_Iterable[str]] = ..., asset_selection: _Optional[_Iterable[str]] = ..., location: _Optional[str] = ...) -> None: ...

class GetExecutionPlanResponse(_message.Message):
    __slots__ = ("plan", "generation")
    PLAN_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    plan: _definitions_pb2.ExecutionPlan
    generation: int
    def __init__(self, plan: _Optional[_Union[_definitions_pb2.ExecutionPlan, _Mapping]] = ..., generation: _Optional[int] = ...) -> None: ...

class GetRunConfigSchemaRequest(_message.Message):
    __slots__ = ("job", "repository", "op_selection", "location")
    JOB_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    OP_SELECTION_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    job: str
    repository: str
    op_selection: _containers.RepeatedScalarFieldContainer[str]
    location: str
    def __init__(self, job: _Optional[str] = ..., repository: _Optional[str] = ..., op_selection: _Optional[_Iterable[str]] = ..., location: _Optional[str] = ...) -> None: ...

class GetRunConfigSchemaResponse(_message.Message):
    __slots__ = ("json_schema", "default_yaml", "is_required", "generation")
    JSON_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_YAML_FIELD_NUMBER: _ClassVar[int]
    IS_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    json_schema: _struct_pb2.Struct
    default_yaml: str
    is_required: bool
    generation: int
    def __init__(self, json_schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., default_yaml: _Optional[str] = ..., is_required: bool = ..., generation: _Optional[int] = ...) -> None: ...

class ListPartitionsRequest(_message.Message):
    __slots__ = ("job", "asset", "repository", "page_size", "page_token", "reverse", "location")
    JOB_FIELD_NUMBER: _ClassVar[int]
    ASSET_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVERSE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    job: str
    asset: str
    repository: str
    page_size: int
    page_token: str
    reverse: bool
    location: str
    def __init__(self, job: _Optional[str] = ..., asset: _Optional[str] = ..., repository: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., reverse: bool = ..., location: _Optional[str] = ...) -> None: ...

class ListPartitionsResponse(_message.Message):
    __slots__ = ("partitions", "keys", "next_page_token", "total_count", "generation")
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    partitions: _definitions_pb2.PartitionsDefinition
    keys: _containers.RepeatedScalarFieldContainer[str]
    next_page_token: str
    total_count: int
    generation: int
    def __init__(self, partitions: _Optional[_Union[_definitions_pb2.PartitionsDefinition, _Mapping]] = ..., keys: _Optional[_Iterable[str]] = ..., next_page_token: _Optional[str] = ..., total_count: _Optional[int] = ..., generation: _Optional[int] = ...) -> None: ...

class RunConfigError(_message.Message):
    __slots__ = ("path", "reason", "message", "allowed")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASON_UNSPECIFIED: _ClassVar[RunConfigError.Reason]
        REASON_TYPE_MISMATCH: _ClassVar[RunConfigError.Reason]
        REASON_MISSING_FIELD: _ClassVar[RunConfigError.Reason]
        REASON_UNDEFINED_FIELD: _ClassVar[RunConfigError.Reason]
        REASON_SELECTOR: _ClassVar[RunConfigError.Reason]
        REASON_OTHER: _ClassVar[RunConfigError.Reason]
    REASON_UNSPECIFIED: RunConfigError.Reason
    REASON_TYPE_MISMATCH: RunConfigError.Reason
    REASON_MISSING_FIELD: RunConfigError.Reason
    REASON_UNDEFINED_FIELD: RunConfigError.Reason
    REASON_SELECTOR: RunConfigError.Reason
    REASON_OTHER: RunConfigError.Reason
    PATH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    path: _containers.RepeatedScalarFieldContainer[str]
    reason: RunConfigError.Reason
    message: str
    allowed: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, path: _Optional[_Iterable[str]] = ..., reason: _Optional[_Union[RunConfigError.Reason, str]] = ..., message: _Optional[str] = ..., allowed: _Optional[_Iterable[str]] = ...) -> None: ...
