"""The processes that hold Dagster and user code: blocking, and single-threaded where they fork.

Nothing here imports gRPC, protobuf, click or asyncio of ours, so a worker adds nothing to the
user's environment but the standard library and Dagster itself.
"""
