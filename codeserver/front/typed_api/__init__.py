"""Service `codeserver.api.v1.CodeLocationService`, for clients other than Dagster."""
