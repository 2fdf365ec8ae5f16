"""A scenario file (YAML or JSON), read strictly, with the line of every value for complaints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml

from chaos.scenario.document import read_document, read_value
from chaos.scenario.errors import BadScenario, Source
from chaos.scenario.model import Scenario
from chaos.scenario.node import clipped, step

__all__ = ["read_content", "read_file", "read_text", "read_value"]

FILE_MAX_BYTES: Final = 4 * 1024 * 1024
DEPTH_MAX: Final = 40
VALUES_MAX: Final = 1_000_000
"""Counted with every repetition of an alias: nine lines of YAML can stand for a billion values."""


def read_file(path: Path) -> Scenario:
    """Raises BadScenario for a file that cannot be read, is no YAML, or is no scenario."""
    return read_text(read_content(path), str(path))


def read_content(path: Path, *, wanted: str = "a scenario of `fakekube scenarios`, or a file") -> str:
    """The text of a file of ours. Raises BadScenario when it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_MAX_BYTES + 1)
        if len(content) > FILE_MAX_BYTES:
            raise BadScenario(str(path), "", f"larger than {FILE_MAX_BYTES} bytes: no scenario is")
        return content.decode()
    except OSError as error:
        raise BadScenario(str(path), "", f"{error.strerror}: name {wanted}") from None
    except UnicodeDecodeError as error:
        raise BadScenario(str(path), "", f"byte {error.start} is no UTF-8: save the file as UTF-8 text") from None


def read_text(text: str, source: str) -> Scenario:
    """YAML, of which JSON is a part."""
    return read_document(*_parse(text, source))


def _parse(text: str, source: str) -> tuple[object, Source]:
    """What the text holds, and where each value of it stands."""
    loader = None
    try:
        loader = _StrictLoader(text)
        root = loader.get_single_node()
        lines = {} if root is None else dict(_lines(root, "$", source))
        return (None if root is None else loader.construct_document(root)), Source(source, lines)
    except yaml.YAMLError as error:
        raise BadScenario(source, "", _yaml_problem(error)) from None
    except BadScenario:
        raise
    except ValueError as error:  # a number or a date that YAML allows and Python has not
        raise BadScenario(source, "", f"is no YAML that can be read: {clipped(str(error))}") from None
    finally:
        if loader is not None:
            loader.dispose()


class _StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C where PyYAML has it
    """YAML 1.1 reads a bare `on` as true, and takes the last of two equal keys silently; a scenario means neither."""


def _unique_mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[object, object]:
    seen: set[str] = set()
    for key, _ in node.value:
        if str(key.value) in seen:
            raise yaml.MarkedYAMLError(
                problem=f"{clipped(str(key.value))} stands here twice", problem_mark=key.start_mark
            )
        seen.add(str(key.value))
    mapping: dict[object, object] = loader.construct_mapping(node, deep=True)
    return mapping


_BOOL: Final = "tag:yaml.org,2002:bool"
_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver(_BOOL, re.compile("true|false"), list("tf"))
_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def _lines(root: yaml.Node, path: str, source: str) -> Iterator[tuple[str, int]]:
    """The line of each value by its path. Raises BadScenario for what is too deep or too much."""
    waiting = [(root, path, root.start_mark.line + 1, 0)]
    seen = 0
    while waiting:
        node, where, line, depth = waiting.pop()
        seen += 1
        if depth > DEPTH_MAX or seen > VALUES_MAX:
            limit = f"deeper than {DEPTH_MAX} levels" if depth > DEPTH_MAX else f"more than {VALUES_MAX} values"
            raise BadScenario(source, "", f"{limit}: no scenario is", line=line)
        yield where, line
        waiting += [(child, place, at, depth + 1) for child, place, at in _children(node, where)]


def _children(node: yaml.Node, path: str) -> Iterator[tuple[yaml.Node, str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield value, f"{path}{step(str(key.value))}", key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield value, f"{path}[{index}]", value.start_mark.line + 1


def _yaml_problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return " ".join(str(error).split())
