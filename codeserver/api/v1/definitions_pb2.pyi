# Written by `make proto` from proto/codeserver/api/v1/definitions.proto; change that file instead.
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DefaultStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEFAULT_STATUS_UNSPECIFIED: _ClassVar[DefaultStatus]
    DEFAULT_STATUS_STOPPED: _ClassVar[DefaultStatus]
    DEFAULT_STATUS_RUNNING: _ClassVar[DefaultStatus]

class SensorType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SENSOR_TYPE_UNSPECIFIED: _ClassVar[SensorType]
    SENSOR_TYPE_STANDARD: _ClassVar[SensorType]
    SENSOR_TYPE_RUN_STATUS: _ClassVar[SensorType]
    SENSOR_TYPE_ASSET: _ClassVar[SensorType]
    SENSOR_TYPE_MULTI_ASSET: _ClassVar[SensorType]
    SENSOR_TYPE_FRESHNESS_POLICY: _ClassVar[SensorType]
    SENSOR_TYPE_AUTO_MATERIALIZE: _ClassVar[SensorType]
    SENSOR_TYPE_AUTOMATION: _ClassVar[SensorType]
DEFAULT_STATUS_UNSPECIFIED: DefaultStatus
DEFAULT_STATUS_STOPPED: DefaultStatus
DEFAULT_STATUS_RUNNING: DefaultStatus
SENSOR_TYPE_UNSPECIFIED: SensorType
SENSOR_TYPE_STANDARD: SensorType
SENSOR_TYPE_RUN_STATUS: SensorType
SENSOR_TYPE_ASSET: SensorType
SENSOR_TYPE_MULTI_ASSET: SensorType
SENSOR_TYPE_FRESHNESS_POLICY: SensorType
SENSOR_TYPE_AUTO_MATERIALIZE: SensorType
SENSOR_TYPE_AUTOMATION: SensorType

class Job(_message.Message):
    __slots__ = ("name", "repository", "description", "tags", "run_tags", "owners", "metadata", "executor", "partitions", "schedules", "sensors", "hooks", "is_asset_job", "is_implicit", "asset_keys", "resources", "loggers", "retry_policy", "graph")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class RunTagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    RUN_TAGS_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    SENSORS_FIELD_NUMBER: _ClassVar[int]
    HOOKS_FIELD_NUMBER: _ClassVar[int]
    IS_ASSET_JOB_FIELD_NUMBER: _ClassVar[int]
    IS_IMPLICIT_FIELD_NUMBER: _ClassVar[int]
    ASSET_KEYS_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    LOGGERS_FIELD_NUMBER: _ClassVar[int]
    RETRY_POLICY_FIELD_NUMBER: _ClassVar[int]
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    name: str
    repository: str
    description: str
    tags: _containers.ScalarMap[str, str]
    run_tags: _containers.ScalarMap[str, str]
    owners: _containers.RepeatedScalarFieldContainer[str]
    metadata: _containers.RepeatedCompositeFieldContainer[MetadataEntry]
    executor: str
    partitions: PartitionsDefinition
    schedules: _containers.RepeatedScalarFieldContainer[str]
    sensors: _containers.RepeatedScalarFieldContainer[str]
    hooks: _containers.RepeatedScalarFieldContainer[str]
    is_asset_job: bool
    is_implicit: bool
    asset_keys: _containers.RepeatedScalarFieldContainer[str]
    resources: _containers.RepeatedScalarFieldContainer[str]
    loggers: _containers.RepeatedScalarFieldContainer[str]
    retry_policy: RetryPolicy
    graph: str
    def __init__(self, name: _Optional[str] = ..., repository: _Optional[str] = ..., description: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ..., run_tags: _Optional[_Mapping[str, str]] = ..., owners: _Optional[_Iterable[str]] = ..., metadata: _Optional[_Iterable[_Union[MetadataEntry, _Mapping]]] = ..., executor: _Optional[str] = ..., partitions: _Optional[_Union[PartitionsDefinition, _Mapping]] = ..., schedules: _Optional[_Iterable[str]] = ..., sensors: _Optional[_Iterable[str]] = ..., hooks: _Optional[_Iterable[str]] = ..., is_asset_job: bool = ..., is_implicit: bool = ..., asset_keys: _Optional[_Iterable[str]] = ..., resources: _Optional[_Iterable[str]] = ..., loggers: _Optional[_Iterable[str]] = ..., retry_policy: _Optional[_Union[RetryPolicy, _Mapping]] = ..., graph: _Optional[str] = ...) -> None: ...

class Graph(_message.Message):
    __slots__ = ("name", "nodes", "edges", "input_mappings", "output_mappings")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    INPUT_MAPPINGS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_MAPPINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    nodes: _containers.RepeatedCompositeFieldContainer[Node]
    edges: _containers.RepeatedCompositeFieldContainer[Edge]
    input_mappings: _containers.RepeatedCompositeFieldContainer[InputMapping]
    output_mappings: _containers.RepeatedCompositeFieldContainer[OutputMapping]
    def __init__(self, name: _Optional[str] = ..., nodes: _Optional[_Iterable[_Union[Node, _Mapping]]] = ..., edges: _Optional[_Iterable[_Union[Edge, _Mapping]]] = ..., input_mappings: _Optional[_Iterable[_Union[InputMapping, _Mapping]]] = ..., output_mappings: _Optional[_Iterable[_Union[OutputMapping, _Mapping]]] = ...) -> None: ...

class Node(_message.Message):
    __slots__ = ("name", "handle", "definition", "kind", "description", "inputs", "outputs", "config", "tags", "resources", "pool", "retry_policy", "hooks", "is_mapped", "asset_keys", "graph")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Node.Kind]
        KIND_OP: _ClassVar[Node.Kind]
        KIND_GRAPH: _ClassVar[Node.Kind]
    KIND_UNSPECIFIED: Node.Kind
    KIND_OP: Node.Kind
    KIND_GRAPH: Node.Kind
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    RETRY_POLICY_FIELD_NUMBER: _ClassVar[int]
    HOOKS_FIELD_NUMBER: _ClassVar[int]
    IS_MAPPED_FIELD_NUMBER: _ClassVar[int]
    ASSET_KEYS_FIELD_NUMBER: _ClassVar[int]
    GRAPH_FIELD_NUMBER: _ClassVar[int]
    name: str
    handle: str
    definition: str
    kind: Node.Kind
    description: str
    inputs: _containers.RepeatedCompositeFieldContainer[Input]
    outputs: _containers.RepeatedCompositeFieldContainer[Output]
    config: ConfigType
    tags: _containers.ScalarMap[str, str]
    resources: _containers.RepeatedScalarFieldContainer[str]
    pool: str
    retry_policy: RetryPolicy
    hooks: _containers.RepeatedScalarFieldContainer[str]
    is_mapped: bool
    asset_keys: _containers.RepeatedScalarFieldContainer[str]
    graph: Graph
    def __init__(self, name: _Optional[str] = ..., handle: _Optional[str] = ..., definition: _Optional[str] = ..., kind: _Optional[_Union[Node.Kind, str]] = ..., description: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[Input, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[Output, _Mapping]]] = ..., config: _Optional[_Union[ConfigType, _Mapping]] = ..., tags: _Optional[_Mapping[str, str]] = ..., resources: _Optional[_Iterable[str]] = ..., pool: _Optional[str] = ..., retry_policy: _Optional[_Union[RetryPolicy, _Mapping]] = ..., hooks: _Optional[_Iterable[str]] = ..., is_mapped: bool = ..., asset_keys: _Optional[_Iterable[str]] = ..., graph: _Optional[_Union[Graph, _Mapping]] = ...) -> None: ...

class Input(_message.Message):
    __slots__ = ("name", "type", "description", "has_default")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    HAS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    description: str
    has_default: bool
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., description: _Optional[str] = ..., has_default: bool = ...) -> None: ...

class Output(_message.Message):
    __slots__ = ("name", "type", "description", "is_required", "is_dynamic")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IS_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    IS_DYNAMIC_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    description: str
    is_required: bool
    is_dynamic: bool
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., description: _Optional[str] = ..., is_required: bool = ..., is_dynamic: bool = ...) -> None: ...

class Edge(_message.Message):
    __slots__ = ("from_node", "from_output", "to_node", "to_input", "is_collected")
    FROM_NODE_FIELD_NUMBER: _ClassVar[int]
    FROM_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    TO_NODE_FIELD_NUMBER: _ClassVar[int]
    TO_INPUT_FIELD_NUMBER: _ClassVar[int]
    IS_COLLECTED_FIELD_NUMBER: _ClassVar[int]
    from_node: str
    from_output: str
    to_node: str
    to_input: str
    is_collected: bool
    def __init__(self, from_node: _Optional[str] = ..., from_output: _Optional[str] = ..., to_node: _Optional[str] = ..., to_input: _Optional[str] = ..., is_collected: bool = ...) -> None: ...

class InputMapping(_message.Message):
    __slots__ = ("input", "node", "node_input")
    INPUT_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    NODE_INPUT_FIELD_NUMBER: _ClassVar[int]
    input: str
    node: str
    node_input: str
    def __init__(self, input: _Optional[str] = ..., node: _Optional[str] = ..., node_input: _Optional[str] = ...) -> None: ...

class OutputMapping(_message.Message):
    __slots__ = ("output", "node", "node_output")
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    NODE_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    output: str
    node: str
    node_output: str
    def __init__(self, output: _Optional[str] = ..., node: _Optional[str] = ..., node_output: _Optional[str] = ...) -> None: ...

class RetryPolicy(_message.Message):
    __slots__ = ("max_retries", "delay", "backoff", "jitter")
    class Backoff(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        BACKOFF_UNSPECIFIED: _ClassVar[RetryPolicy.Backoff]
        BACKOFF_LINEAR: _ClassVar[RetryPolicy.Backoff]
        BACKOFF_EXPONENTIAL: _ClassVar[RetryPolicy.Backoff]
    BACKOFF_UNSPECIFIED: RetryPolicy.Backoff
    BACKOFF_LINEAR: RetryPolicy.Backoff
    BACKOFF_EXPONENTIAL: RetryPolicy.Backoff
    class Jitter(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        JITTER_UNSPECIFIED: _ClassVar[RetryPolicy.Jitter]
        JITTER_FULL: _ClassVar[RetryPolicy.Jitter]
        JITTER_PLUS_MINUS: _ClassVar[RetryPolicy.Jitter]
    JITTER_UNSPECIFIED: RetryPolicy.Jitter
    JITTER_FULL: RetryPolicy.Jitter
    JITTER_PLUS_MINUS: RetryPolicy.Jitter
    MAX_RETRIES_FIELD_NUMBER: _ClassVar[int]
    DELAY_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    max_retries: int
    delay: _duration_pb2.Duration
    backoff: RetryPolicy.Backoff
    jitter: RetryPolicy.Jitter
    def __init__(self, max_retries: _Optional[int] = ..., delay: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., backoff: _Optional[_Union[RetryPolicy.Backoff, str]] = ..., jitter: _Optional[_Union[RetryPolicy.Jitter, str]] = ...) -> None: ...

class ConfigType(_message.Message):
    __slots__ = ("kind", "name", "description", "fields", "inner", "enum_values", "alternatives")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[ConfigType.Kind]
        KIND_ANY: _ClassVar[ConfigType.Kind]
        KIND_SCALAR: _ClassVar[ConfigType.Kind]
        KIND_ENUM: _ClassVar[ConfigType.Kind]
        KIND_SHAPE: _ClassVar[ConfigType.Kind]
        KIND_PERMISSIVE_SHAPE: _ClassVar[ConfigType.Kind]
        KIND_SELECTOR: _ClassVar[ConfigType.Kind]
        KIND_MAP: _ClassVar[ConfigType.Kind]
        KIND_ARRAY: _ClassVar[ConfigType.Kind]
        KIND_NULLABLE: _ClassVar[ConfigType.Kind]
        KIND_UNION: _ClassVar[ConfigType.Kind]
    KIND_UNSPECIFIED: ConfigType.Kind
    KIND_ANY: ConfigType.Kind
    KIND_SCALAR: ConfigType.Kind
    KIND_ENUM: ConfigType.Kind
    KIND_SHAPE: ConfigType.Kind
    KIND_PERMISSIVE_SHAPE: ConfigType.Kind
    KIND_SELECTOR: ConfigType.Kind
    KIND_MAP: ConfigType.Kind
    KIND_ARRAY: ConfigType.Kind
    KIND_NULLABLE: ConfigType.Kind
    KIND_UNION: ConfigType.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    INNER_FIELD_NUMBER: _ClassVar[int]
    ENUM_VALUES_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    kind: ConfigType.Kind
    name: str
    description: str
    fields: _containers.RepeatedCompositeFieldContainer[ConfigField]
    inner: ConfigType
    enum_values: _containers.RepeatedScalarFieldContainer[str]
    alternatives: _containers.RepeatedCompositeFieldContainer[ConfigType]
    def __init__(self, kind: _Optional[_Union[ConfigType.Kind, str]] = ..., name: _Optional[str] = ..., description: _Optional[str] = ..., fields: _Optional[_Iterable[_Union[ConfigField, _Mapping]]] = ..., inner: _Optional[_Union[ConfigType, _Mapping]] = ..., enum_values: _Optional[_Iterable[str]] = ..., alternatives: _Optional[_Iterable[_Union[ConfigType, _Mapping]]] = ...) -> None: ...

class ConfigField(_message.Message):
    __slots__ = ("name", "description", "is_required", "default_value", "type")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IS_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    is_required: bool
    default_value: _struct_pb2.Value
    type: ConfigType
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., is_required: bool = ..., default_value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., type: _Optional[_Union[ConfigType, _Mapping]] = ...) -> None: ...

class MetadataEntry(_message.Message):
    __slots__ = ("label", "type", "value", "is_cut_off")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    IS_CUT_OFF_FIELD_NUMBER: _ClassVar[int]
    label: str
    type: str
    value: _struct_pb2.Value
    is_cut_off: bool
    def __init__(self, label: _Optional[str] = ..., type: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., is_cut_off: bool = ...) -> None: ...

class PartitionsDefinition(_message.Message):
    __slots__ = ("kind", "description", "static_count", "time_windows", "dynamic_name", "dimensions")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[PartitionsDefinition.Kind]
        KIND_STATIC: _ClassVar[PartitionsDefinition.Kind]
        KIND_TIME_WINDOW: _ClassVar[PartitionsDefinition.Kind]
        KIND_DYNAMIC: _ClassVar[PartitionsDefinition.Kind]
        KIND_MULTI: _ClassVar[PartitionsDefinition.Kind]
        KIND_FUNCTION: _ClassVar[PartitionsDefinition.Kind]
    KIND_UNSPECIFIED: PartitionsDefinition.Kind
    KIND_STATIC: PartitionsDefinition.Kind
    KIND_TIME_WINDOW: PartitionsDefinition.Kind
    KIND_DYNAMIC: PartitionsDefinition.Kind
    KIND_MULTI: PartitionsDefinition.Kind
    KIND_FUNCTION: PartitionsDefinition.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    STATIC_COUNT_FIELD_NUMBER: _ClassVar[int]
    TIME_WINDOWS_FIELD_NUMBER: _ClassVar[int]
    DYNAMIC_NAME_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    kind: PartitionsDefinition.Kind
    description: str
    static_count: int
    time_windows: TimeWindows
    dynamic_name: str
    dimensions: _containers.RepeatedCompositeFieldContainer[PartitionDimension]
    def __init__(self, kind: _Optional[_Union[PartitionsDefinition.Kind, str]] = ..., description: _Optional[str] = ..., static_count: _Optional[int] = ..., time_windows: _Optional[_Union[TimeWindows, _Mapping]] = ..., dynamic_name: _Optional[str] = ..., dimensions: _Optional[_Iterable[_Union[PartitionDimension, _Mapping]]] = ...) -> None: ...

class TimeWindows(_message.Message):
    __slots__ = ("cron_schedule", "timezone", "start", "end", "format", "end_offset")
    CRON_SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    END_OFFSET_FIELD_NUMBER: _ClassVar[int]
    cron_schedule: str
    timezone: str
    start: _timestamp_pb2.Timestamp
    end: _timestamp_pb2.Timestamp
    format: str
    end_offset: int
    def __init__(self, cron_schedule: _Optional[str] = ..., timezone: _Optional[str] = ..., start: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., end: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., format: _Optional[str] = ..., end_offset: _Optional[int] = ...) -> None: ...

class PartitionDimension(_message.Message):
    __slots__ = ("name", "partitions")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    partitions: PartitionsDefinition
    def __init__(self, name: _Optional[str] = ..., partitions: _Optional[_Union[PartitionsDefinition, _Mapping]] = ...) -> None: ...

class Asset(_message.Message):
    __slots__ = ("key", "repository", "group", "description", "kinds", "tags", "owners", "metadata", "execution", "op", "jobs", "partitions", "dependencies", "checks", "freshness", "automation_condition", "code_version", "max_partitions_per_run", "pools", "resources")
    class Execution(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        EXECUTION_UNSPECIFIED: _ClassVar[Asset.Execution]
        EXECUTION_MATERIALIZATION: _ClassVar[Asset.Execution]
        EXECUTION_OBSERVATION: _ClassVar[Asset.Execution]
        EXECUTION_EXTERNAL: _ClassVar[Asset.Execution]
    EXECUTION_UNSPECIFIED: Asset.Execution
    EXECUTION_MATERIALIZATION: Asset.Execution
    EXECUTION_OBSERVATION: Asset.Execution
    EXECUTION_EXTERNAL: Asset.Execution
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KEY_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    OP_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_FIELD_NUMBER: _ClassVar[int]
    DEPENDENCIES_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    FRESHNESS_FIELD_NUMBER: _ClassVar[int]
    AUTOMATION_CONDITION_FIELD_NUMBER: _ClassVar[int]
    CODE_VERSION_FIELD_NUMBER: _ClassVar[int]
    MAX_PARTITIONS_PER_RUN_FIELD_NUMBER: _ClassVar[int]
    POOLS_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    key: str
    repository: str
    group: str
    description: str
    kinds: _containers.RepeatedScalarFieldContainer[str]
    tags: _containers.ScalarMap[str, str]
    owners: _containers.RepeatedScalarFieldContainer[str]
    metadata: _containers.RepeatedCompositeFieldContainer[MetadataEntry]
    execution: Asset.Execution
    op: str
    jobs: _containers.RepeatedScalarFieldContainer[str]
    partitions: PartitionsDefinition
    dependencies: _containers.RepeatedCompositeFieldContainer[AssetDependency]
    checks: _containers.RepeatedCompositeFieldContainer[AssetCheck]
    freshness: FreshnessPolicy
    automation_condition: str
    code_version: str
    max_partitions_per_run: int
    pools: _containers.RepeatedScalarFieldContainer[str]
    resources: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, key: _Optional[str] = ..., repository: _Optional[str] = ..., group: _Optional[str] = ..., description: _Optional[str] = ..., kinds: _Optional[_Iterable[str]] = ..., tags: _Optional[_Mapping[str, str]] = ..., owners: _Optional[_Iterable[str]] = ..., metadata: _Optional[_Iterable[_Union[MetadataEntry, _Mapping]]] = ..., execution: _Optional[_Union[Asset.Execution, str]] = ..., op: _Optional[str] = ..., jobs: _Optional[_Iterable[str]] = ..., partitions: _Optional[_Union[PartitionsDefinition, _Mapping]] = ..., dependencies: _Optional[_Iterable[_Union[AssetDependency, _Mapping]]] = ..., checks: _Optional[_Iterable[_Union[AssetCheck, _Mapping]]] = ..., freshness: _Optional[_Union[FreshnessPolicy, _Mapping]] = ..., automation_condition: _Optional[str] = ..., code_version: _Optional[str] = ..., max_partitions_per_run: _Optional[int] = ..., pools: _Optional[_Iterable[str]] = ..., resources: _Optional[_Iterable[str]] = ...) -> None: ...

class AssetDependency(_message.Message):
    __slots__ = ("key", "partition_mapping")
    KEY_FIELD_NUMBER: _ClassVar[int]
    PARTITION_MAPPING_FIELD_NUMBER: _ClassVar[int]
    key: str
    partition_mapping: str
    def __init__(self, key: _Optional[str] = ..., partition_mapping: _Optional[str] = ...) -> None: ...

class AssetEdge(_message.Message):
    __slots__ = ("from_key", "to_key")
    FROM_KEY_FIELD_NUMBER: _ClassVar[int]
    TO_KEY_FIELD_NUMBER: _ClassVar[int]
    from_key: str
    to_key: str
    def __init__(self, from_key: _Optional[str] = ..., to_key: _Optional[str] = ...) -> None: ...

class AssetCheck(_message.Message):
    __slots__ = ("name", "description", "is_blocking", "additional_keys", "jobs")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IS_BLOCKING_FIELD_NUMBER: _ClassVar[int]
    ADDITIONAL_KEYS_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    is_blocking: bool
    additional_keys: _containers.RepeatedScalarFieldContainer[str]
    jobs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., is_blocking: bool = ..., additional_keys: _Optional[_Iterable[str]] = ..., jobs: _Optional[_Iterable[str]] = ...) -> None: ...

class FreshnessPolicy(_message.Message):
    __slots__ = ("time_window", "cron")
    TIME_WINDOW_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    time_window: TimeWindowFreshness
    cron: CronFreshness
    def __init__(self, time_window: _Optional[_Union[TimeWindowFreshness, _Mapping]] = ..., cron: _Optional[_Union[CronFreshness, _Mapping]] = ...) -> None: ...

class TimeWindowFreshness(_message.Message):
    __slots__ = ("fail_window", "warn_window")
    FAIL_WINDOW_FIELD_NUMBER: _ClassVar[int]
    WARN_WINDOW_FIELD_NUMBER: _ClassVar[int]
    fail_window: _duration_pb2.Duration
    warn_window: _duration_pb2.Duration
    def __init__(self, fail_window: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., warn_window: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class CronFreshness(_message.Message):
    __slots__ = ("deadline_cron", "lower_bound_delta", "timezone")
    DEADLINE_CRON_FIELD_NUMBER: _ClassVar[int]
    LOWER_BOUND_DELTA_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    deadline_cron: str
    lower_bound_delta: _duration_pb2.Duration
    timezone: str
    def __init__(self, deadline_cron: _Optional[str] = ..., lower_bound_delta: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., timezone: _Optional[str] = ...) -> None: ...

class Schedule(_message.Message):
    __slots__ = ("name", "repository", "description", "cron_schedules", "timezone", "job", "asset_selection", "default_status", "tags", "owners", "metadata")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CRON_SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    ASSET_SELECTION_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_STATUS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    repository: str
    description: str
    cron_schedules: _containers.RepeatedScalarFieldContainer[str]
    timezone: str
    job: str
    asset_selection: str
    default_status: DefaultStatus
    tags: _containers.ScalarMap[str, str]
    owners: _containers.RepeatedScalarFieldContainer[str]
    metadata: _containers.RepeatedCompositeFieldContainer[MetadataEntry]
    def __init__(self, name: _Optional[str] = ..., repository: _Optional[str] = ..., description: _Optional[str] = ..., cron_schedules: _Optional[_Iterable[str]] = ..., timezone: _Optional[str] = ..., job: _Optional[str] = ..., asset_selection: _Optional[str] = ..., default_status: _Optional[_Union[DefaultStatus, str]] = ..., tags: _Optional[_Mapping[str, str]] = ..., owners: _Optional[_Iterable[str]] = ..., metadata: _Optional[_Iterable[_Union[MetadataEntry, _Mapping]]] = ...) -> None: ...

class Sensor(_message.Message):
    __slots__ = ("name", "repository", "description", "type", "jobs", "asset_selection", "monitored_assets", "minimum_interval", "default_status", "tags", "owners", "metadata")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    ASSET_SELECTION_FIELD_NUMBER: _ClassVar[int]
    MONITORED_ASSETS_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_STATUS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    OWNERS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    repository: str
    description: str
    type: SensorType
    jobs: _containers.RepeatedScalarFieldContainer[str]
    asset_selection: str
    monitored_assets: _containers.RepeatedScalarFieldContainer[str]
    minimum_interval: _duration_pb2.Duration
    default_status: DefaultStatus
    tags: _containers.ScalarMap[str, str]
    owners: _containers.RepeatedScalarFieldContainer[str]
    metadata: _containers.RepeatedCompositeFieldContainer[MetadataEntry]
    def __init__(self, name: _Optional[str] = ..., repository: _Optional[str] = ..., description: _Optional[str] = ..., type: _Optional[_Union[SensorType, str]] = ..., jobs: _Optional[_Iterable[str]] = ..., asset_selection: _Optional[str] = ..., monitored_assets: _Optional[_Iterable[str]] = ..., minimum_interval: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., default_status: _Optional[_Union[DefaultStatus, str]] = ..., tags: _Optional[_Mapping[str, str]] = ..., owners: _Optional[_Iterable[str]] = ..., metadata: _Optional[_Iterable[_Union[MetadataEntry, _Mapping]]] = ...) -> None: ...

class Resource(_message.Message):
    __slots__ = ("name", "repository", "description", "type", "config", "values", "nested", "is_top_level", "asset_keys", "jobs", "schedules", "sensors")
    class NestedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    NESTED_FIELD_NUMBER: _ClassVar[int]
    IS_TOP_LEVEL_FIELD_NUMBER: _ClassVar[int]
    ASSET_KEYS_FIELD_NUMBER: _ClassVar[int]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULES_FIELD_NUMBER: _ClassVar[int]
    SENSORS_FIELD_NUMBER: _ClassVar[int]
    name: str
    repository: str
    description: str
    type: str
    config: ConfigType
    values: _containers.RepeatedCompositeFieldContainer[ResourceValue]
    nested: _containers.ScalarMap[str, str]
    is_top_level: bool
    asset_keys: _containers.RepeatedScalarFieldContainer[str]
    jobs: _containers.RepeatedScalarFieldContainer[str]
    schedules: _containers.RepeatedScalarFieldContainer[str]
    sensors: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., repository: _Optional[str] = ..., description: _Optional[str] = ..., type: _Optional[str] = ..., config: _Optional[_Union[ConfigType, _Mapping]] = ..., values: _Optional[_Iterable[_Union[ResourceValue, _Mapping]]] = ..., nested: _Optional[_Mapping[str, str]] = ..., is_top_level: bool = ..., asset_keys: _Optional[_Iterable[str]] = ..., jobs: _Optional[_Iterable[str]] = ..., schedules: _Optional[_Iterable[str]] = ..., sensors: _Optional[_Iterable[str]] = ...) -> None: ...

class ResourceValue(_message.Message):
    __slots__ = ("name", "value", "environment_variable")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_VARIABLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: _struct_pb2.Value
    environment_variable: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., environment_variable: _Optional[str] = ...) -> None: ...

class ExecutionPlan(_message.Message):
    __slots__ = ("job", "repository", "steps", "levels", "width", "executor", "is_persisted", "default_run_config")
    JOB_FIELD_NUMBER: _ClassVar[int]
    REPOSITORY_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    IS_PERSISTED_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_RUN_CONFIG_FIELD_NUMBER: _ClassVar[int]
    job: str
    repository: str
    steps: _containers.RepeatedCompositeFieldContainer[Step]
    levels: int
    width: int
    executor: str
    is_persisted: bool
    default_run_config: str
    def __init__(self, job: _Optional[str] = ..., repository: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[Step, _Mapping]]] = ..., levels: _Optional[int] = ..., width: _Optional[int] = ..., executor: _Optional[str] = ..., is_persisted: bool = ..., default_run_config: _Optional[str] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("key", "handle", "kind", "inputs", "outputs", "upstream", "level", "tags", "pool", "retry_policy", "resources")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Step.Kind]
        KIND_COMPUTE: _ClassVar[Step.Kind]
        KIND_MAPPED: _ClassVar[Step.Kind]
        KIND_COLLECT: _ClassVar[Step.Kind]
    KIND_UNSPECIFIED: Step.Kind
    KIND_COMPUTE: Step.Kind
    KIND_MAPPED: Step.Kind
    KIND_COLLECT: Step.Kind
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KEY_FIELD_NUMBER: _ClassVar[int]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    RETRY_POLICY_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    key: str
    handle: str
    kind: Step.Kind
    inputs: _containers.RepeatedCompositeFieldContainer[StepInput]
    outputs: _containers.RepeatedCompositeFieldContainer[StepOutput]
    upstream: _containers.RepeatedScalarFieldContainer[str]
    level: int
    tags: _containers.ScalarMap[str, str]
    pool: str
    retry_policy: RetryPolicy
    resources: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, key: _Optional[str] = ..., handle: _Optional[str] = ..., kind: _Optional[_Union[Step.Kind, str]] = ..., inputs: _Optional[_Iterable[_Union[StepInput, _Mapping]]] = ..., outputs: _Optional[_Iterable[_Union[StepOutput, _Mapping]]] = ..., upstream: _Optional[_Iterable[str]] = ..., level: _Optional[int] = ..., tags: _Optional[_Mapping[str, str]] = ..., pool: _Optional[str] = ..., retry_policy: _Optional[_Union[RetryPolicy, _Mapping]] = ..., resources: _Optional[_Iterable[str]] = ...) -> None: ...

class StepInput(_message.Message):
    __slots__ = ("name", "type", "source", "upstream")
    class Source(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SOURCE_UNSPECIFIED: _ClassVar[StepInput.Source]
        SOURCE_STEP_OUTPUT: _ClassVar[StepInput.Source]
        SOURCE_RUN_CONFIG: _ClassVar[StepInput.Source]
        SOURCE_DEFAULT_VALUE: _ClassVar[StepInput.Source]
        SOURCE_LOADED: _ClassVar[StepInput.Source]
        SOURCE_OTHER: _ClassVar[StepInput.Source]
    SOURCE_UNSPECIFIED: StepInput.Source
    SOURCE_STEP_OUTPUT: StepInput.Source
    SOURCE_RUN_CONFIG: StepInput.Source
    SOURCE_DEFAULT_VALUE: StepInput.Source
    SOURCE_LOADED: StepInput.Source
    SOURCE_OTHER: StepInput.Source
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    source: StepInput.Source
    upstream: _containers.RepeatedCompositeFieldContainer[StepOutputHandle]
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., source: _Optional[_Union[StepInput.Source, str]] = ..., upstream: _Optional[_Iterable[_Union[StepOutputHandle, _Mapping]]] = ...) -> None: ...

class StepOutputHandle(_message.Message):
    __slots__ = ("step", "output")
    STEP_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    step: str
    output: str
    def __init__(self, step: _Optional[str] = ..., output: _Optional[str] = ...) -> None: ...

class StepOutput(_message.Message):
    __slots__ = ("name", "type", "is_required", "is_dynamic", "asset_key")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    IS_REQUIRED_FIELD_NUMBER: _ClassVar[int]
    IS_DYNAMIC_FIELD_NUMBER: _ClassVar[int]
    ASSET_KEY_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    is_required: bool
    is_dynamic: bool
    asset_key: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., is_required: bool = ..., is_dynamic: bool = ..., asset_key: _Optional[str] = ...) -> None: ...
