# Written by `make proto` from proto/codeserver/dagster/dagster_api.proto; change that file instead.
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Empty(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PingRequest(_message.Message):
    __slots__ = ("echo",)
    ECHO_FIELD_NUMBER: _ClassVar[int]
    echo: str
    def __init__(self, echo: _Optional[str] = ...) -> None: ...

class PingReply(_message.Message):
    __slots__ = ("echo", "serialized_server_utilization_metrics")
    ECHO_FIELD_NUMBER: _ClassVar[int]
    SERIALIZED_SERVER_UTILIZATION_METRICS_FIELD_NUMBER: _ClassVar[int]
    echo: str
    serialized_server_utilization_metrics: str
    def __init__(self, echo: _Optional[str] = ..., serialized_server_utilization_metrics: _Optional[str] = ...) -> None: ...

class StreamingPingRequest(_message.Message):
    __slots__ = ("sequence_length", "echo")
    SEQUENCE_LENGTH_FIELD_NUMBER: _ClassVar[int]
    ECHO_FIELD_NUMBER: _ClassVar[int]
    sequence_length: int
    echo: str
    def __init__(self, sequence_length: _Optional[int] = ..., echo: _Optional[str] = ...) -> None: ...

class StreamingPingEvent(_message.Message):
    __slots__ = ("sequence_number", "echo")
    SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    ECHO_FIELD_NUMBER: _ClassVar[int]
    sequence_number: int
    echo: str
    def __init__(self, sequence_number: _Optional[int] = ..., echo: _Optional[str] = ...) -> None: ...

class GetServerIdReply(_message.Message):
    __slots__ = ("server_id",)
    SERVER_ID_FIELD_NUMBER: _ClassVar[int]
    server_id: str
    def __init__(self, server_id: _Optional[str] = ...) -> None: ...

class ExecutionPlanSnapshotRequest(_message.Message):
    __slots__ = ("serialized_execution_plan_snapshot_args",)
    SERIALIZED_EXECUTION_PLAN_SNAPSHOT_ARGS_FIELD_NUMBER: _ClassVar[int]
    serialized_execution_plan_snapshot_args: str
    def __init__(self, serialized_execution_plan_snapshot_args: _Optional[str] = ...) -> None: ...

class ExecutionPlanSnapshotReply(_message.Message):
    __slots__ = ("serialized_execution_plan_snapshot",)
    SERIALIZED_EXECUTION_PLAN_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    serialized_execution_plan_snapshot: str
    def __init__(self, serialized_execution_plan_snapshot: _Optional[str] = ...) -> None: ...

class ExternalPartitionNamesRequest(_message.Message):
    __slots__ = ("serialized_partition_names_args",)
    SERIALIZED_PARTITION_NAMES_ARGS_FIELD_NUMBER: _ClassVar[int]
    serialized_partition_names_args: str
    def __init__(self, serialized_partition_names_args: _Optional[str] = ...) -> None: ...

class ExternalPartitionNamesReply(_message.Message):
    __slots__ = ("serialized_external_partition_names_or_external_partition_execution_error",)
    SERIALIZED_EXTERNAL_PARTITION_NAMES_OR_EXTERNAL_PARTITION_EXECUTION_ERROR_FIELD_NUMBER: _ClassVar[int]
    serialized_external_partition_names_or_external_partition_execution_error: str
    def __init__(self, serialized_external_partition_names_or_external_partition_execution_error: _Optional[str] = ...) -> None: ...

class ExternalNotebookDataRequest(_message.Message):
    __slots__ = ("notebook_path",)
    NOTEBOOK_PATH_FIELD_NUMBER: _ClassVar[int]
    notebook_path: str
    def __init__(self, notebook_path: _Optional[str] = ...) -> None: ...

class ExternalNotebookDataReply(_message.Message):
    __slots__ = ("content",)
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    def __init__(self, content: _Optional[bytes] = ...) -> None: ...

class ExternalPartitionConfigRequest(_message.Message):
    __slots__ = ("serialized_partition_args",)
    SERIALIZED_PARTITION_ARGS_FIELD_NUMBER: _ClassVar[int]
    serialized_partition_args: str
    def __init__(self, serialized_partition_args: _Optional[str] = ...) -> None: ...

class ExternalPartitionConfigReply(_message.Message):
    __slots__ = ("serialized_external_partition_config_or_external_partition_execution_error",)
    SERIALIZED_EXTERNAL_PARTITION_CONFIG_OR_EXTERNAL_PARTITION_EXECUTION_ERROR_FIELD_NUMBER: _ClassVar[int]
    serialized_external_partition_config_or_external_partition_execution_error: str
    def __init__(self, serialized_external_partition_config_or_external_partition_execution_error: _Optional[str] = ...) -> None: ...

class ExternalPartitionTagsRequest(_message.Message):
    __slots__ = ("serialized_partition_args",)
    SERIALIZED_PARTITION_ARGS_FIELD_NUMBER: _ClassVar[int]
    serialized_partition_args: str
    def __init__(self, serialized_partition_args: _Optional[str] = ...) -> None: ...

class ExternalPartitionTagsReply(_message.Message):
    __slots__ = ("serialized_external_partition_tags_or_external_partition_execution_error",)
    SERIALIZED_EXTERNAL_PARTITION_TAGS_OR_EXTERNAL_PARTITION_EXECUTION_ERROR_FIELD_NUMBER: _ClassVar[int]
    serialized_external_partition_tags_or_external_partition_execution_error: str
    def __init__(self, serialized_external_partition_tags_or_external_partition_execution_error: _Optional[str] = ...) -> None: ...

class ExternalPartitionSetExecutionParamsRequest(_message.Message):
    __slots__ = ("serialized_partition_set_execution_param_args",)
    SERIALIZED_PARTITION_SET_EXECUTION_PARAM_ARGS_FIELD_NUMBER: _ClassVar[int]
    serialized_partition_set_execution_param_args: str
    def __init__(self, serialized_partition_set_execution_param_args: _Optional[str] = ...) -> None: ...

class ListRepositoriesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRepositoriesReply(_message.Message):
    __slots__ = ("serialized_list_repositories_response_or_error",)
    SERIALIZED_LIST_REPOSITORIES_RESPONSE_OR_ERROR_FIELD_NUMBER: _ClassVar[int]
    serialized_list_repositories_response_or_error: str
    def __init__(self, serialized_list_repositories_response_or_error: _Optional[str] = ...) -> None: ...

class ExternalPipelineSubsetSnapshotRequest(_message.Message):
    __slots__ = ("serialized_pipeline_subset_snapshot_args",)
    SERIALIZED_PIPELINE_SUBSET_SNAPSHOT_ARGS_FIELD_NUMBER: _ClassVar[int]
    serialized_pipeline_subset_snapshot_args: str
    def __init__(self, serialized_pipeline_subset_snapshot_args: _Optional[str] = ...) -> None: ...

class ExternalPipelineSubsetSnapshotReply(_message.Message):
    __slots__ = ("serialized_external_pipeline_subset_result",)
    SERIALIZED_EXTERNAL_PIPELINE_SUBSET_RESULT_FIELD_NUMBER: _ClassVar[int]
    serialized_external_pipeline_subset_result: str
    def __init__(self, serialized_external_pipeline_subset_result: _Optional[str] = ...) -> None: ...

class ExternalRepositoryRequest(_message.Message):
    __slots__ = ("serialized_repository_python_origin", "defer_snapshots")
    SERIALIZED_REPOSITORY_PYTHON_ORIGIN_FIELD_NUMBER: _ClassVar[int]
    DEFER_SNAPSHOTS_FIELD_NUMBER: _ClassVar[int]
    serialized_repository_python_origin: str
    defer_snapshots: bool
    def __init__(self, serialized_repository_python_origin: _Optional[str] = ..., defer_snapshots: bool = ...) -> None: ...

class ExternalRepositoryReply(_message.Message):
    __slots__ = ("serialized_external_repository_data",)
    SERIALIZED_EXTERNAL_REPOSITORY_DATA_FIELD_NUMBER: _ClassVar[int]
    serialized_external_repository_data: str
    def __init__(self, serialized_external_repository_data: _Optional[str] = ...) -> None: ...

class StreamingExternalRepositoryEvent(_message.Message):
    __slots__ = ("sequence_number", "serialized_external_repository_chunk")
    SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SERIALIZED_EXTERNAL_REPOSITORY_CHUNK_FIELD_NUMBER: _ClassVar[int]
    sequence_number: int
    serialized_external_repository_chunk: str
    def __init__(self, sequence_number: _Optional[int] = ..., serialized_external_repository_chunk: _Optional[str] = ...) -> None: ...

class ExternalScheduleExecutionRequest(_message.Message):
    __slots__ = ("serialized_external_schedule_execution_args",)
    SERIALIZED_EXTERNAL_SCHEDULE_EXECUTION_ARGS_FIELD_NUMBER: _ClassVar[int]
    serialized_external_schedule_execution_args: str
    def __init__(self, serialized_external_schedule_execution_args: _Optional[str] = ...) -> None: ...

class ExternalSensorExecutionRequest(_message.Message):
    __slots__ = ("serialized_external_sensor_execution_args",)
    SERIALIZED_EXTERNAL_SENSOR_EXECUTION_ARGS_FIELD_NUMBER: _ClassVar[int]
    serialized_external_sensor_execution_args: str
    def __init__(self, serialized_external_sensor_execution_args: _Optional[str] = ...) -> None: ...

class StreamingChunkEvent(_message.Message):
    __slots__ = ("sequence_number", "serialized_chunk")
    SEQUENCE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SERIALIZED_CHUNK_FIELD_NUMBER: _ClassVar[int]
    sequence_number: int
    serialized_chunk: str
    def __init__(self, sequence_number: _Optional[int] = ..., serialized_chunk: _Optional[str] = ...) -> None: ...

class ShutdownServerReply(_message.Message):
    __slots__ = ("serialized_shutdown_server_result",)
    SERIALIZED_SHUTDOWN_SERVER_RESULT_FIELD_NUMBER: _ClassVar[int]
    serialized_shutdown_server_result: str
    def __init__(self, serialized_shutdown_server_result: _Optional[str] = ...) -> None: ...

class CancelExecutionRequest(_message.Message):
    __slots__ = ("serialized_cancel_execution_request",)
    SERIALIZED_CANCEL_EXECUTION_REQUEST_FIELD_NUMBER: _ClassVar[int]
    serialized_cancel_execution_request: str
    def __init__(self, serialized_cancel_execution_request: _Optional[str] = ...) -> None: ...

class CancelExecutionReply(_message.Message):
    __slots__ = ("serialized_cancel_execution_result",)
    SERIALIZED_CANCEL_EXECUTION_RESULT_FIELD_NUMBER: _ClassVar[int]
    serialized_cancel_execution_result: str
    def __init__(self, serialized_cancel_execution_result: _Optional[str] = ...) -> None: ...

class CanCancelExecutionRequest(_message.Message):
    __slots__ = ("serialized_can_cancel_execution_request",)
    SERIALIZED_CAN_CANCEL_EXECUTION_REQUEST_FIELD_NUMBER: _ClassVar[int]
    serialized_can_cancel_execution_request: str
    def __init__(self, serialized_can_cancel_execution_request: _Optional[str] = ...) -> None: ...

class CanCancelExecutionReply(_message.Message):
    __slots__ = ("serialized_can_cancel_execution_result",)
    SERIALIZED_CAN_CANCEL_EXECUTION_RESULT_FIELD_NUMBER: _ClassVar[int]
    serialized_can_cancel_execution_result: str
    def __init__(self, serialized_can_cancel_execution_result: _Optional[str] = ...) -> None: ...

class StartRunRequest(_message.Message):
    __slots__ = ("serialized_execute_run_args",)
    SERIALIZED_EXECUTE_RUN_ARGS_FIELD_NUMBER: _ClassVar[int]
    serialized_execute_run_args: str
    def __init__(self, serialized_execute_run_args: _Optional[str] = ...) -> None: ...

class StartRunReply(_message.Message):
    __slots__ = ("serialized_start_run_result",)
    SERIALIZED_START_RUN_RESULT_FIELD_NUMBER: _ClassVar[int]
    serialized_start_run_result: str
    def __init__(self, serialized_start_run_result: _Optional[str] = ...) -> None: ...

class GetCurrentImageReply(_message.Message):
    __slots__ = ("serialized_current_image",)
    SERIALIZED_CURRENT_IMAGE_FIELD_NUMBER: _ClassVar[int]
    serialized_current_image: str
    def __init__(self, serialized_current_image: _Optional[str] = ...) -> None: ...

class GetCurrentRunsReply(_message.Message):
    __slots__ = ("serialized_current_runs",)
    SERIALIZED_CURRENT_RUNS_FIELD_NUMBER: _ClassVar[int]
    serialized_current_runs: str
    def __init__(self, serialized_current_runs: _Optional[str] = ...) -> None: ...

class ExternalJobRequest(_message.Message):
    __slots__ = ("serialized_repository_origin", "job_name")
    SERIALIZED_REPOSITORY_ORIGIN_FIELD_NUMBER: _ClassVar[int]
    JOB_NAME_FIELD_NUMBER: _ClassVar[int]
    serialized_repository_origin: str
    job_name: str
    def __init__(self, serialized_repository_origin: _Optional[str] = ..., job_name: _Optional[str] = ...) -> None: ...

class ExternalJobReply(_message.Message):
    __slots__ = ("serialized_job_data", "serialized_error")
    SERIALIZED_JOB_DATA_FIELD_NUMBER: _ClassVar[int]
    SERIALIZED_ERROR_FIELD_NUMBER: _ClassVar[int]
    serialized_job_data: str
    serialized_error: str
    def __init__(self, serialized_job_data: _Optional[str] = ..., serialized_error: _Optional[str] = ...) -> None: ...

class ExternalScheduleExecutionReply(_message.Message):
    __slots__ = ("serialized_schedule_result",)
    SERIALIZED_SCHEDULE_RESULT_FIELD_NUMBER: _ClassVar[int]
    serialized_schedule_result: str
    def __init__(self, serialized_schedule_result: _Optional[str] = ...) -> None: ...

class ExternalSensorExecutionReply(_message.Message):
    __slots__ = ("serialized_sensor_result",)
    SERIALIZED_SENSOR_RESULT_FIELD_NUMBER: _ClassVar[int]
    serialized_sensor_result: str
    def __init__(self, serialized_sensor_result: _Optional[str] = ...) -> None: ...

class ReloadCodeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReloadCodeReply(_message.Message):
    __slots__ = ("serialized_error",)
    SERIALIZED_ERROR_FIELD_NUMBER: _ClassVar[int]
    serialized_error: str
    def __init__(self, serialized_error: _Optional[str] = ...) -> None: ...

class RefreshComponentStateRequest(_message.Message):
    __slots__ = ("defs_state_keys",)
    DEFS_STATE_KEYS_FIELD_NUMBER: _ClassVar[int]
    defs_state_keys: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, defs_state_keys: _Optional[_Iterable[str]] = ...) -> None: ...

class RefreshComponentStateReply(_message.Message):
    __slots__ = ("serialized_error", "serialized_defs_state_info")
    SERIALIZED_ERROR_FIELD_NUMBER: _ClassVar[int]
    SERIALIZED_DEFS_STATE_INFO_FIELD_NUMBER: _ClassVar[int]
    serialized_error: str
    serialized_defs_state_info: str
    def __init__(self, serialized_error: _Optional[str] = ..., serialized_defs_state_info: _Optional[str] = ...) -> None: ...

class ReloadCodeWithStateRequest(_message.Message):
    __slots__ = ("serialized_defs_state_info",)
    SERIALIZED_DEFS_STATE_INFO_FIELD_NUMBER: _ClassVar[int]
    serialized_defs_state_info: str
    def __init__(self, serialized_defs_state_info: _Optional[str] = ...) -> None: ...

class ReloadCodeWithStateReply(_message.Message):
    __slots__ = ("serialized_error", "serialized_server_id")
    SERIALIZED_ERROR_FIELD_NUMBER: _ClassVar[int]
    SERIALIZED_SERVER_ID_FIELD_NUMBER: _ClassVar[int]
    serialized_error: str
    serialized_server_id: str
    def __init__(self, serialized_error: _Optional[str] = ..., serialized_server_id: _Optional[str] = ...) -> None: ...
