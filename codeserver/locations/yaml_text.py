"""YAML as Dagster reads it, with the lines of mappings; a key that is given twice is an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from codeserver.letters import shown
from codeserver.locations.entry import Source

_MAPPING = "tag:yaml.org,2002:map"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"


class Located(dict[Any, Any]):
    """A mapping that knows its line in the file."""

    line = 0


class _Loader(yaml.SafeLoader):
    # As Dagster's loader (`dagster_shared.yaml_utils`, Dagster 1.13): dates stay texts.
    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in each if tag != _TIMESTAMP]
        for first, each in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Later, the mappings that are merged in are among the keys.
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if (key.tag, key.value) in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {shown(key.value)} is given twice", key.start_mark
                    )
                seen.add((key.tag, key.value))
        return node

    def construct_located(self, node: yaml.MappingNode) -> Iterator[Located]:
        mapping = Located()
        mapping.line = node.start_mark.line + 1
        yield mapping
        mapping.update(self.construct_mapping(node))


_Loader.add_constructor(_MAPPING, _Loader.construct_located)


def load(text: str, source: Source) -> Any:
    """The value that the text has; its mappings are `Located`.

    Raises:
        OperatorError: the text is no YAML. It has the line and the column.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise source.fault(f"{error.problem}.", place=place) from None
    except (yaml.YAMLError, ValueError, AttributeError, TypeError, LookupError) as error:
        # The last four are of values that do not fit their tags, such as `!!int x`.
        first, *_ = str(error).splitlines() or [type(error).__name__]
        raise source.fault(f"is no YAML ({first}).") from None
