"""Sets of fields in their FieldsV1 form, and the algebra on them.

A node is a mapping from path elements (`f:name`, `k:{...}`, `v:...`, `i:0`) to nodes. A field is in the set when its
node is `{}`, or holds the element "." beside its children. None is the empty set; a root is never a member itself.
Values are immutable: results share nodes with what they were made from.
Source: sigs.k8s.io/structured-merge-diff, fieldpath.Set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

Node = dict[str, Any]
FieldSet = Node | None
Path = tuple[str, ...]

SELF = "."
LEAF: Node = {}


def is_member(node: FieldSet) -> bool:
    return node is not None and (not node or SELF in node)


def build(member: bool, children: Node) -> FieldSet:
    """A node from its parts; None when there is nothing in it."""
    if not children:
        return LEAF if member else None
    return {SELF: LEAF, **children} if member else children


def union(one: FieldSet, other: FieldSet) -> FieldSet:
    if one is None or one is other:
        return other
    if other is None:
        return one
    return _combined(one, other, lambda a, b: a or b, union, {**one, **other})


def difference(one: FieldSet, other: FieldSet) -> FieldSet:
    """The fields of `one` that are not in `other`; children of a removed field stay."""
    if one is None or other is None:
        return one
    return _combined(one, other, lambda a, b: a and not b, difference, one)


def intersection(one: FieldSet, other: FieldSet) -> FieldSet:
    if one is None or other is None:
        return None
    return _combined(one, other, lambda a, b: a and b, intersection, one)


def recursive_difference(one: FieldSet, other: FieldSet) -> FieldSet:
    """The fields of `one` without those of `other` and all below them."""
    if one is None or other is None:
        return one
    children: Node = {}
    for element, node in one.items():
        without = other.get(element)
        if element != SELF and not is_member(without):
            kept = recursive_difference(node, without)
            if kept is not None:
                children[element] = kept
    return build(is_member(one), children)


def _combined(
    one: Node,
    other: Node,
    decide: Callable[[bool, bool], bool],
    recurse: Callable[[FieldSet, FieldSet], FieldSet],
    elements: Node,
) -> FieldSet:
    children: Node = {}
    for element in elements:
        if element != SELF and (node := recurse(one.get(element), other.get(element))) is not None:
            children[element] = node
    return build(decide(is_member(one), is_member(other)), children)


def subset(node: FieldSet, element: str) -> FieldSet:
    return None if node is None else node.get(element)


def contains(node: FieldSet, path: Path) -> bool:
    """Whether the field at `path` is in the set."""
    for element in path:
        node = subset(node, element)
    return is_member(node)


def paths(node: FieldSet, prefix: Path = ()) -> Iterator[Path]:
    """Every field of the set, in the server's order: a field before what is below it, elements sorted."""
    if node is None:
        return
    if prefix and is_member(node):
        yield prefix
    for element in sorted(node, key=element_order):
        if element != SELF:
            yield from paths(node[element], (*prefix, element))


def canonical(node: Node) -> Node:
    """The node with its elements in the order the server prints them."""
    elements = sorted(node)
    if elements and elements[-1][0] in "vi":
        elements.sort(key=element_order)  # all others are in the order of their text
    return {element: canonical(node[element]) if node[element] else LEAF for element in elements}


_KINDS = {".": 0, "f": 1, "k": 2, "v": 3, "i": 4}


def is_set(node: object) -> bool:
    """Whether a JSON value is a set: only `.` and elements of a known kind (`f:name`, `k:{...}`, `v:...`, `i:0`)."""
    if not isinstance(node, dict):
        return False
    return all((text == SELF or (text[:1] in _KINDS and text[1:2] == ":")) and is_set(node[text]) for text in node)


def element_order(element: str) -> tuple[int, int, str]:
    """Names, then keys, then values, then indices; numbers among values by size."""
    kind, rest = element[0], element[2:]
    number = int(rest) if kind in "vi" and rest.lstrip("-").isdigit() else 0
    return _KINDS[kind], number, rest


def leaves_first(path: Path) -> list[tuple[int, tuple[int, int, str]]]:
    """Sorts fields as a walk does that, in every object, comes to the ends before it goes down."""
    last = len(path) - 1
    return [(int(depth != last), element_order(element)) for depth, element in enumerate(path)]


def path_text(path: Path) -> str:
    """`.spec.ports[port=80,protocol="TCP"].name`, as messages name a field."""
    return "".join(map(_element_text, path))


def _element_text(element: str) -> str:
    kind, rest = element[0], element[2:]
    if kind == "f":
        return f".{rest}"
    if kind == "k":
        return f"[{','.join(f'{key}={json.dumps(value)}' for key, value in json.loads(rest).items())}]"
    return f"[={rest}]" if kind == "v" else f"[{rest}]"
