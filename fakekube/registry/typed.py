"""Objects seen through their schema: which fields they set, how two differ, how one is merged into another.

Lists are atomic, sets, or maps by key; maps are granular or atomic. Everything works on plain values and gives new
ones. Source: sigs.k8s.io/structured-merge-diff, package typed, whose own cases are replayed against this file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from fakekube.meta.gofmt import go_value
from fakekube.registry.fieldset import LEAF, SELF, FieldSet, Node, build, is_member, subset


class FieldType(Hashable, Protocol):
    """What this file needs to know of a type; `Schema` is one."""

    @property
    def type(self) -> str: ...

    @property
    def fields(self) -> Mapping[str, FieldType]: ...

    @property
    def items(self) -> FieldType | None: ...

    @property
    def list_type(self) -> str: ...

    @property
    def list_map_keys(self) -> tuple[str, ...]: ...

    @property
    def map_type(self) -> str: ...

    @property
    def raw(self) -> bool: ...

    @property
    def default(self) -> Any: ...

    @property
    def preserves(self) -> bool:
        """Whether fields that are not declared are kept."""
        ...


def is_atomic(field_type: FieldType | None, value: object) -> bool:
    """True where the value is owned, compared and merged as a whole. Without a schema lists are, maps are not."""
    if field_type is None or field_type.type == "deduced":
        return not isinstance(value, dict)
    return _owned_whole(field_type)


@lru_cache(maxsize=8192)
def _owned_whole(field_type: FieldType) -> bool:
    if field_type.raw or field_type.type in ("object", "any"):
        return True
    if field_type.type == "list":
        return field_type.list_type == "atomic"
    return field_type.type not in ("struct", "map") or field_type.map_type == "atomic"


def member_type(field_type: FieldType | None, name: str) -> FieldType | None:
    """The type of a declared field, or of a map's values."""
    if field_type is None:
        return None
    return field_type.fields.get(name) or field_type.items


def item_element(field_type: FieldType | None, item: object) -> str:
    """The path element of an associative list's item: `k:{...}` by its keys, `v:...` by itself.

    Raises ValueError when an item lacks a key that has no default, or is null.
    """
    keys = field_type.list_map_keys if field_type is not None else ()
    if not keys:
        return f"v:{_json(item)}"
    if not isinstance(item, dict):
        raise ValueError("associative list with keys may not have non-map elements")
    return f"k:{_json({key: _key_value(field_type, item, key) for key in sorted(keys)})}"


def _key_value(field_type: FieldType | None, item: Mapping[str, Any], key: str) -> object:
    if item.get(key) is not None:
        return item[key]
    declared = member_type(field_type.items if field_type else None, key)
    default = declared.default if declared is not None else None
    if default is None:
        raise ValueError(
            f'associative list with keys has an element that omits key field "{key}" (and doesn\'t have default value)'
        )
    return default


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def by_element(field_type: FieldType | None, items: Sequence[Any] | None) -> dict[str, list[Any]]:
    """The items of an associative list under their path elements, in order; a duplicate stands behind its first."""
    found: dict[str, list[Any]] = {}
    for item in items or ():
        found.setdefault(item_element(field_type, item), []).append(item)
    return found


# Which fields a value sets.


def field_set(value: object, field_type: FieldType | None) -> FieldSet:
    """The fields that `value` sets, as an applier owns them. Raises ValueError as `item_element` does."""
    if isinstance(value, dict | list) and is_atomic(field_type, value):
        return LEAF
    if isinstance(value, list):
        return build(False, _list_fields(value, field_type))
    if isinstance(value, dict):
        return build(False, _map_fields(value, field_type))
    return LEAF


def _list_fields(items: list[Any], field_type: FieldType | None) -> Node:
    element_type = field_type.items if field_type is not None else None
    fields: Node = {}
    for item in items:
        node = field_set(item, element_type)
        fields[item_element(field_type, item)] = {SELF: LEAF, **node} if node else LEAF
    return fields


def _map_fields(members: Mapping[str, Any], field_type: FieldType | None) -> Node:
    declared = field_type.fields if field_type is not None else {}
    fields: Node = {}
    for name, value in members.items():
        node = field_set(value, member_type(field_type, name))
        if name not in declared or value is None or value == {}:
            node = {SELF: LEAF, **node} if node else LEAF
        if node is not None:
            fields[f"f:{name}"] = node
    return fields


# How two values differ.


@dataclass(frozen=True, slots=True)
class Comparison:
    """Fields that are only in the new value, that differ, that are only in the old one."""

    added: FieldSet = None
    modified: FieldSet = None
    removed: FieldSet = None


_SAME = Comparison()
_ADDED, _MODIFIED, _REMOVED = Comparison(added=LEAF), Comparison(modified=LEAF), Comparison(removed=LEAF)
_NOTHING = object()


def compare(old: object, new: object, field_type: FieldType | None) -> Comparison:
    """How `new` differs from `old`."""
    if old is _NOTHING:
        return Comparison(added=all_fields(new, field_type))
    if new is _NOTHING:
        return Comparison(removed=all_fields(old, field_type))
    if old is new or (old == new and type(old) is type(new)):
        return _SAME
    shapes = {type(value) for value in (old, new) if value is not None}
    if shapes == {dict} and not _is_leaf(old, new, field_type):
        return _compared_maps(old, new, field_type)
    if shapes == {list} and not _is_leaf(old, new, field_type):
        return _compared_lists(old, new, field_type)
    if len(shapes) > 1:
        return Comparison(added=_below(new, field_type), modified=LEAF, removed=_below(old, field_type))
    return _MODIFIED


def _below(value: object, field_type: FieldType | None) -> FieldSet:
    """The fields below a value that another one, of another shape, takes the place of."""
    return fields_within(value, field_type) if isinstance(value, dict) and not is_atomic(field_type, value) else None


def all_fields(value: object, field_type: FieldType | None) -> Node:
    """All fields of a value that came or went as a whole, itself among them."""
    if not isinstance(value, dict | list) or not value or is_atomic(field_type, value):
        return LEAF
    if isinstance(value, list):
        return {SELF: LEAF, **_whole_items(value, field_type)}
    return {SELF: LEAF, **(fields_within(value, field_type) or {})}


def fields_within(value: Mapping[str, Any], field_type: FieldType | None, *, without: Container[str] = ()) -> FieldSet:
    """All fields of a map's members but those `without`; the map itself is not among them."""
    node: Node = {}
    for name, member in value.items():
        if name not in without:
            plain = not isinstance(member, dict | list)
            node[f"f:{name}"] = LEAF if plain else all_fields(member, member_type(field_type, name))
    return node or None


def _whole_items(items: list[Any], field_type: FieldType | None) -> Node:
    """Duplicates are one field."""
    element_type = field_type.items if field_type is not None else None
    found = by_element(field_type, items)
    return {element: all_fields(same[0], element_type) if len(same) == 1 else LEAF for element, same in found.items()}


def _is_leaf(old: object, new: object, field_type: FieldType | None) -> bool:
    """Atomic values are leaves, and so are two empty ones (which keeps null and empty apart)."""
    some = new if isinstance(new, dict | list) else old
    return is_atomic(field_type, some) or not (_filled(old) or _filled(new))


def _filled(value: object) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _compared_maps(old: Any, new: Any, field_type: FieldType | None) -> Comparison:
    before, after = _members(old), _members(new)
    differing = [name for name in {**before, **after} if before.get(name, _NOTHING) != after.get(name, _NOTHING)]
    return _container(
        [
            (f"f:{name}", compare(before.get(name, _NOTHING), after.get(name, _NOTHING), member_type(field_type, name)))
            for name in differing
        ]
    )


def _members(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _compared_lists(old: Any, new: Any, field_type: FieldType | None) -> Comparison:
    before = by_element(field_type, old if isinstance(old, list) else None)
    after = by_element(field_type, new if isinstance(new, list) else None)
    element_type = field_type.items if field_type is not None else None
    return _container(
        (element, _compared_items(before.get(element, []), after.get(element, []), element_type))
        for element in {**before, **after}
    )


def _compared_items(before: list[Any], after: list[Any], element_type: FieldType | None) -> Comparison:
    if len(before) <= 1 and len(after) <= 1:
        return compare(before[0] if before else _NOTHING, after[0] if after else _NOTHING, element_type)
    if before == after:
        return _SAME
    if len(before) > 1 and len(after) > 1:
        return _MODIFIED
    return _duplicates_changed(before, after, element_type)


def _duplicates_changed(before: list[Any], after: list[Any], element_type: FieldType | None) -> Comparison:
    """Duplicates are owned as one: their fields go, or come, with them."""
    if not before:
        return _ADDED
    if not after:
        return _REMOVED
    single = before[0] if len(before) == 1 else after[0]
    fields = field_set(single, element_type)
    if len(before) == 1:
        return Comparison(modified=LEAF, removed=build(False, dict(fields or {})) if isinstance(single, dict) else None)
    return Comparison(modified=LEAF, added=build(False, dict(fields or {})) if isinstance(single, dict) else None)


def _container(parts: Iterable[tuple[str, Comparison]]) -> Comparison:
    """The comparison of a map or list that both values have, from those of its members."""
    added: Node = {}
    modified: Node = {}
    removed: Node = {}
    for element, part in parts:
        if part is _SAME:
            continue
        if part.added is not None:
            added[element] = part.added
        if part.modified is not None:
            modified[element] = part.modified
        if part.removed is not None:
            removed[element] = part.removed
    return Comparison(added or None, modified or None, removed or None)


# How one value is merged into another.


def merge(live: Any, config: Any, field_type: FieldType | None) -> Any:
    """`live` with everything that `config` sets. Null sets a scalar, and says nothing of a map or list that is there."""
    if config is None and _filled(live) and not is_atomic(field_type, live):
        return live
    if isinstance(config, dict) and isinstance(live, dict) and not _is_leaf(live, config, field_type):
        return _merged_maps(live, config, field_type)
    if isinstance(config, list) and isinstance(live, list) and not _is_leaf(live, config, field_type):
        return _merged_lists(live, config, field_type)
    return config


def _merged_maps(live: Mapping[str, Any], config: Mapping[str, Any], field_type: FieldType | None) -> dict[str, Any]:
    merged = dict(live)
    for name, value in config.items():
        merged[name] = merge(live[name], value, member_type(field_type, name)) if name in live else value
    return merged


def _merged_lists(live: list[Any], config: list[Any], field_type: FieldType | None) -> list[Any]:
    """Shared items follow the order of `config`, the others keep their place between them."""
    old, new = by_element(field_type, live), by_element(field_type, config)
    element_type = field_type.items if field_type is not None else None

    def merged(element: str) -> Any:
        before = old.get(element, [])
        return merge(before[0], new[element][0], element_type) if len(before) == 1 else new[element][0]

    return [
        merged(element) if item is None else item
        for element, item in _merge_order([(item_element(field_type, item), item) for item in live], list(new))
    ]


def _merge_order(live: list[tuple[str, Any]], config: list[str]) -> Iterator[tuple[str, Any]]:
    """The elements of the merged list: (element, None) is to be merged from both sides, (element, item) is live's own.

    The walk of the real library: an item that only live has goes where it stands, a shared one waits for its turn in
    the order of `config`.
    """
    wanted, known = set(config), {element for element, _ in live}
    shared = [element for element in config if element in known]
    left, right, done = 0, 0, set[str]()
    while left < len(live) or right < len(config):
        if left < len(live):
            element, item = live[left]
            if (
                right < len(config)
                and element in wanted
                and element != config[right]
                and shared
                and element != shared[0]
            ):
                left += 1
                continue
            if element not in wanted:
                yield element, item
                left += 1
                continue
            if element in done or (right < len(config) and element == config[right]):
                left += 1
        if right < len(config):
            yield config[right], None
            done.add(config[right])
            if shared and shared[0] == config[right]:
                shared.pop(0)
            right += 1


# Taking fields away.


def remove(value: Any, fields: FieldSet, field_type: FieldType | None) -> Any:
    """`value` without `fields` and all below them; None when nothing is left of a container that held something."""
    if fields is None or not isinstance(value, dict | list) or not value:
        return value
    if isinstance(value, list):
        return _kept_items(value, fields, field_type) or None
    kept = {
        name: remove(member, subset(fields, f"f:{name}"), member_type(field_type, name))
        for name, member in value.items()
        if not is_member(subset(fields, f"f:{name}"))
    }
    return kept or None


def _kept_items(items: list[Any], fields: Node, field_type: FieldType | None) -> list[Any]:
    if is_atomic(field_type, items):
        return items
    element_type = field_type.items if field_type is not None else None
    elements = [(item_element(field_type, item), item) for item in items]
    return [
        remove(item, subset(fields, element), element_type)
        for element, item in elements
        if not is_member(subset(fields, element))
    ]


def with_named_fields(fields: FieldSet, field_type: FieldType | None) -> FieldSet:
    """The set with every declared field on the way to a member made a member too."""
    if fields is None:
        return None
    declared = field_type.fields if field_type is not None else {}
    children: Node = {}
    for element, node in fields.items():
        if element == SELF:
            continue
        inner = with_named_fields(node, _element_type(field_type, element))
        named = element.startswith("f:") and element[2:] in declared
        children[element] = {SELF: LEAF, **inner} if named and inner else inner
    return build(is_member(fields), children)


def _element_type(field_type: FieldType | None, element: str) -> FieldType | None:
    if element.startswith("f:"):
        return member_type(field_type, element[2:])
    return field_type.items if field_type is not None else None


# What an applier may not send.


def problems(value: object, field_type: FieldType | None, path: str = "") -> Iterator[str]:
    """Why `value` does not fit its type, as the server words it; nothing when it does."""
    if value is None or field_type is None:
        return
    if field_type.raw or field_type.type in ("any", "object", "deduced"):
        return
    shape = _SHAPES.get(field_type.type, "")
    yield from _CHECKS[shape](value, field_type, path)


def _map_problems(value: object, field_type: FieldType, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: expected map, got {_got(value)}"
        return
    for name, member in value.items():
        inner = member_type(field_type, name)
        if inner is None and field_type.preserves:
            continue
        if inner is None:
            yield f"{path}.{name}: field not declared in schema"
        else:
            yield from problems(member, inner, f"{path}.{name}")


def _list_problems(value: object, field_type: FieldType, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: expected list, got {_got(value)}"
        return
    seen: set[str] = set()
    for index, item in enumerate(value):
        place = f"[{index}]"
        if field_type.list_type != "atomic":
            try:
                element = item_element(field_type, item)
            except ValueError as error:
                yield f"{path}: element {index}: {error}"
                return
            place = _place(element)
            if element in seen:
                yield f"{path}: duplicate entries for key {place}"
            seen.add(element)
        yield from problems(item, field_type.items, f"{path}{place}")


def _place(element: str) -> str:
    if element.startswith("k:"):
        return f"[{','.join(f'{key}={json.dumps(value)}' for key, value in json.loads(element[2:]).items())}]"
    return f"[={element[2:]}]"


def _string_problems(value: object, field_type: FieldType, path: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{path}: expected string, got {_got_typed(value)}"


def _number_problems(value: object, field_type: FieldType, path: str) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"{path}: expected numeric (int or float), got {_go_kind(value)}"


def _bool_problems(value: object, field_type: FieldType, path: str) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f"{path}: expected boolean, got {_got(value)}"


def _scalar_problems(value: object, field_type: FieldType, path: str) -> Iterator[str]:
    if isinstance(value, dict | list):
        yield f"{path}: expected any scalar, got {_got(value)}"


_SHAPES = {
    "struct": "map",
    "map": "map",
    "list": "list",
    "string": "string",
    "byte": "string",
    "date-time": "string",
    "int32": "number",
    "int64": "number",
    "double": "number",
    "bool": "bool",
}
_CHECKS: Mapping[str, Callable[[object, FieldType, str], Iterator[str]]] = {
    "map": _map_problems,
    "list": _list_problems,
    "string": _string_problems,
    "number": _number_problems,
    "bool": _bool_problems,
    "": _scalar_problems,
}


def _go_kind(value: object) -> str:
    """The Go type's name, as the messages for numbers use it."""
    kinds = {str: "string", bool: "bool", dict: "map[string]interface {}", list: "[]interface {}"}
    return kinds.get(type(value), "unknown")


def _got(value: object) -> str:
    """What was found, as Go prints the library's own wrapper."""
    return f"&{{{go_value(value)}}}"


def _got_typed(value: object) -> str:
    """The same where a string was expected: with the wrapper's type."""
    if isinstance(value, dict | list):
        return _got(value)
    return f"&value.valueUnstructured{{Value:{_go_literal(value)}}}"


def _go_literal(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
