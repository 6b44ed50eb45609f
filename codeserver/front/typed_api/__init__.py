"""Service `codeserver.api.v1.CodeLocationService`: for everyone but Dagster itself."""
