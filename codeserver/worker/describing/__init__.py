"""Describe what is loaded as plain data: dicts with the field names of `codeserver.api.v1`.

The front makes protobuf messages of them. Enums are the names of their values, a field that is
absent is left out, and `{"$json": [TEXT]}` stands for a `google.protobuf.Value`.
"""
