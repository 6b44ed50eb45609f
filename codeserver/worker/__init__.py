"""The processes with Dagster and user code. They block, and are single-threaded if they fork.

Nothing here imports codeserver's gRPC, protobuf or click. So a worker needs only the standard
library and Dagster in the user's environment.
"""
