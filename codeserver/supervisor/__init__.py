"""Processes, generations, evaluators and runs as the front sees them.

Asyncio, without gRPC and without Dagster.
"""
