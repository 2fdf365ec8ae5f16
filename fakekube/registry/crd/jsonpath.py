"""JSONPath as client-go reads it: the part that printer columns and selectable fields use.

    parse(".status.conditions[?(@.type=='Ready')].status")(obj)   # the values found, in order

Source: k8s.io/client-go/util/jsonpath.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

Step = Callable[[list[Any]], list[Any]]


class PathFault(ValueError):
    """The path cannot be read, or not be followed in this object."""


_TOKENS = re.compile(
    r"""\.\.|\.?\*|\.(?P<name>(?:\\.|[^\s.\[\]()'"?@,*{}\\])+)|\[(?P<inner>(?:'(?:\\.|[^'])*'|"(?:\\.|[^"])*"|[^\]'"])*)\]""",
    re.VERBOSE,
)


@lru_cache(maxsize=4096)
def parse(path: str) -> Callable[[Any], list[Any]]:
    """The function that finds what `path` leads to. Raises PathFault for a path that cannot be read."""
    steps = _steps(path)

    def find(obj: Any) -> list[Any]:
        found = [obj]
        for step in steps:
            found = step(found)
        return found

    return find


def _steps(path: str) -> list[Step]:
    steps: list[Step] = []
    at = 1 if path.startswith(("@", "$")) else 0
    while at < len(path):
        token = _TOKENS.match(path, at)
        if token is None:
            if path[at:] == ".":
                break
            raise PathFault(f"unrecognized character in path: {path[at:]}")
        steps.append(_step(token))
        at = token.end()
    return steps


def _step(token: re.Match[str]) -> Step:
    if token["name"] is not None:
        return _field(re.sub(r"\\(.)", r"\1", token["name"]))
    if token["inner"] is not None:
        return _bracket(token["inner"].strip())
    return _all_below if token[0] == ".." else _wildcard


def _bracket(text: str) -> Step:
    if text.startswith("?(") and text.endswith(")"):
        return _filter(text[2:-1].strip())
    if text == "*":
        return _wildcard
    parts = [part.strip() for part in text.split(",")]
    steps = [_selector(part) for part in parts]
    return steps[0] if len(steps) == 1 else lambda found: [each for step in steps for each in step(found)]


def _selector(text: str) -> Step:
    if text[:1] in ("'", '"') and text[-1:] == text[:1]:
        return _field(text[1:-1])
    bounds = text.split(":")
    if len(bounds) > 3 or not all(re.fullmatch("-?[0-9]*", bound) for bound in bounds) or text == "":
        raise PathFault(f"invalid array index {text}")
    return _index(int(text)) if len(bounds) == 1 else _slice([int(bound) if bound else None for bound in bounds])


def _field(name: str) -> Step:
    return lambda found: [each[name] for each in found if isinstance(each, dict) and name in each]


def _index(index: int) -> Step:
    def step(found: list[Any]) -> list[Any]:
        picked = []
        for each in _lists(found):
            if not -len(each) <= index < len(each):
                raise PathFault(f"array index out of bounds: index {index}, length {len(each)}")
            picked.append(each[index])
        return picked

    return step


def _slice(bounds: Sequence[int | None]) -> Step:
    return lambda found: [item for each in _lists(found) for item in each[slice(*bounds)]]


def _lists(found: Iterable[Any]) -> Iterable[list[Any]]:
    for each in found:
        if each is None:
            continue
        if not isinstance(each, list):
            raise PathFault("is not array or slice")
        yield each


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _wildcard(found: list[Any]) -> list[Any]:
    return [child for each in found for child in _children(each)]


def _all_below(found: list[Any]) -> list[Any]:
    return [below for each in found for below in (each, *_all_below(_children(each)))]


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_COMPARISON = re.compile(r"(?P<left>.+?)\s*(?P<how>==|!=|<=|>=|<|>)\s*(?P<right>.+)")


def _filter(text: str) -> Step:
    compared = _COMPARISON.fullmatch(text)
    left = _operand(compared["left"] if compared else text)
    right = _operand(compared["right"]) if compared else None
    how = _OPERATORS[compared["how"]] if compared else None

    def passes(item: Any) -> bool:
        found = left(item)
        if how is None or right is None:
            return bool(found)
        wanted = right(item)
        if len(found) > 1 or len(wanted) > 1:
            raise PathFault("can only compare one element at a time")
        return bool(found) and bool(wanted) and _compares(how, found[0], wanted[0])

    return lambda found: [item for each in _lists(found) for item in each if passes(item)]


def _compares(how: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    try:
        return how(left, right)
    except TypeError:
        raise PathFault("incompatible types for comparison") from None


def _operand(text: str) -> Callable[[Any], list[Any]]:
    """A path from the item, or a literal."""
    if text.startswith("@"):
        return parse(text)
    if text[:1] in ("'", '"') and text[-1:] == text[:1]:
        return lambda item: [text[1:-1]]
    if text in ("true", "false"):
        return lambda item: [text == "true"]
    try:
        number: int | float = float(text) if "." in text else int(text)
    except ValueError:
        raise PathFault(f"unrecognized operand {text}") from None
    return lambda item: [number]
