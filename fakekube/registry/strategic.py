"""Strategic merge patch: a merge patch that knows the lists' merge keys, and its directives.

Source: k8s.io/apimachinery/pkg/util/strategicpatch, whose own test cases are replayed against this file, and the
answers of kube-apiserver 1.37.2. The live object is never changed: what differs is copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fakekube.meta.errors import StatusError, bad_request
from fakekube.meta.gofmt import go_value
from fakekube.meta.objects import KubeObject

DIRECTIVE = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList/"
ELEMENT_ORDER = "$setElementOrder/"

_List = list[Any]


class MergeSchema(Protocol):
    """The three facts about a field that this merge needs."""

    @property
    def fields(self) -> Mapping[str, MergeSchema]: ...

    @property
    def items(self) -> MergeSchema | None: ...

    @property
    def patch_merge_key(self) -> str: ...

    @property
    def patch_strategy(self) -> frozenset[str]: ...


def strategic_merge(live: KubeObject, patch: KubeObject, schema: MergeSchema | None) -> KubeObject:
    """`live` with `patch` merged in. Lists merge by the schema's keys; without a schema they are replaced."""
    if DIRECTIVE in patch:
        return _directed_map(patch)
    rest = dict(patch)
    merged = _retained(live, rest)
    _merge_ordered_lists(merged, rest, schema)
    for key, value in rest.items():
        _merge_member(merged, key, value, schema)
    return merged


def _directed_map(patch: KubeObject) -> KubeObject:
    """`$patch: replace` keeps only what the patch holds, `delete` leaves an empty map."""
    directive = patch[DIRECTIVE]
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != DIRECTIVE}
    if directive == "delete":
        return {}
    raise _internal(f"unknown patch type: {go_value(directive)} in map: {go_value(patch)}")


def _retained(live: KubeObject, patch: KubeObject) -> KubeObject:
    """`live` without the members that `$retainKeys` does not name; the directive is taken out of `patch`."""
    if RETAIN_KEYS not in patch:
        return dict(live)
    keep = patch.pop(RETAIN_KEYS)
    if not isinstance(keep, list):
        raise bad_request("invalid patch format of retainKeys")
    set_here = [key for key, value in patch.items() if value is not None and not _is_list_directive(key)]
    if any(key not in keep for key in set_here):
        raise bad_request("invalid patch format of retainKeys")
    return {key: value for key, value in live.items() if key in keep}


def _is_list_directive(key: str) -> bool:
    return key.startswith((DELETE_FROM, ELEMENT_ORDER))


def _merge_ordered_lists(merged: KubeObject, patch: KubeObject, schema: MergeSchema | None) -> None:
    """Merges each list that comes with `$setElementOrder`, and takes both out of `patch`."""
    for key in [key for key in patch if key.startswith(ELEMENT_ORDER)]:
        order = patch.pop(key)
        if not isinstance(order, list):
            raise _internal(f"expected a list, but received: {go_value(order)}")
        name = key.removeprefix(ELEMENT_ORDER)
        changes, before = patch.pop(name, None), merged.get(name)
        field = _field(schema, name)
        merge_key = field.patch_merge_key if field else ""
        if isinstance(changes, list):
            _check_order(changes, order, merge_key)
        if (now := _ordered_list(before, changes, field)) is not None:
            merged[name] = _in_order(now, order, _order_seen(before, now, changes, merge_key), merge_key)


def _ordered_list(before: object, changes: object, field: MergeSchema | None) -> _List | None:
    if isinstance(before, list):
        return _merged_list(before, changes, field) if isinstance(changes, list) else before
    return _without_directives(changes) if isinstance(changes, list) else None


def _order_seen(before: object, now: _List, changes: object, merge_key: str) -> _List:
    """The live order that the result is aligned with.

    The real server deletes and appends in the live list's own memory, so that after a `$patch: delete` the first new
    items stand where the deleted ones made room, and count as known there. Its test cases hold that order.
    """
    if not isinstance(before, list):
        return []
    if not (isinstance(changes, list) and any(_has_directive(item) for item in changes)):
        return before
    left = [_identity(item, merge_key) for item in now]
    known = [_identity(item, merge_key) for item in before]
    old = [item for item in before if _identity(item, merge_key) in left]
    new = [item for item in changes if not _has_directive(item) and _identity(item, merge_key) not in known]
    memory = [*old, *new]
    return [*memory[: len(before)], *before[len(memory) :]]


def _check_order(changes: _List, order: _List, merge_key: str) -> None:
    """What the patch sets must stand in the order it announces, or the patch contradicts itself."""
    expected = iter([_identity(item, merge_key) for item in order])
    named = [_identity(item, merge_key) for item in changes if not _has_directive(item)]
    if any(item not in expected for item in named):
        raise _internal(
            f"The order in patch list:\n{go_value(changes)}\n doesn't match {ELEMENT_ORDER} list:\n{go_value(order)}\n"
        )


def _merge_member(merged: KubeObject, key: str, value: Any, schema: MergeSchema | None) -> None:
    name = key.removeprefix(DELETE_FROM)
    current = merged.get(name)
    if name != key:
        if isinstance(current, list) and isinstance(value, list):
            merged[name] = [item for item in current if item not in value]
    elif value is None:
        merged.pop(name, None)
    elif current is None and _has_directive(value):
        pass  # how to change a map that is not there
    elif type(current) is not type(value):
        merged[name] = _as_new(value)
    else:
        merged[name] = _merged_value(current, value, _field(schema, name))


def _merged_value(current: Any, value: Any, field: MergeSchema | None) -> Any:
    if isinstance(value, dict):
        replaced = field is not None and "replace" in field.patch_strategy
        return value if replaced else strategic_merge(current, value, field)
    return _merged_list(current, value, field) if isinstance(value, list) else value


def _without_twins(values: _List) -> _List:
    """Each value once, in the order of the first; what cannot be hashed is no scalar, and decoding will refuse it."""
    kept: _List = []
    for value in values:
        if value not in kept:
            kept.append(value)
    return kept


def _merged_list(current: _List, patch: _List, field: MergeSchema | None) -> _List:
    """Both lists united: by the merge key where items are maps, as a set where they are scalars."""
    if field is None or "merge" not in field.patch_strategy:
        return patch
    if not current and not patch:
        return current
    if not isinstance((current or patch)[0], dict):
        return _in_order(_without_twins([*current, *patch]), patch, current, "")
    merge_key = field.patch_merge_key
    if not merge_key:
        raise _internal("cannot merge lists without merge key")
    kept, additions = _list_directives(current, patch, merge_key)
    merged = _united(kept, additions, merge_key, field.items)
    return _in_order(merged, additions, kept, merge_key)


def _list_directives(current: _List, patch: _List, merge_key: str) -> tuple[_List, _List]:
    """What is left of the live list, and what is left to merge, after `$patch: delete` and `$patch: replace` items."""
    plain = [item for item in patch if not _has_directive(item)]
    for item in patch:
        if not _has_directive(item):
            continue
        if item[DIRECTIVE] == "replace":
            return plain, []
        if item[DIRECTIVE] != "delete":
            raise _internal(f"unknown patch type: {go_value(item[DIRECTIVE])} in map: {go_value(item)}")
        gone = _key_of(item, merge_key)
        current = [live for live in current if live.get(merge_key) != gone]
    return current, plain


def _united(current: _List, additions: _List, merge_key: str, items: MergeSchema | None) -> _List:
    merged = list(current)
    for item in additions:
        key = _key_of(item, merge_key)
        place = next((index for index, live in enumerate(merged) if live.get(merge_key) == key), None)
        if place is None:
            merged.append(_as_new(item))
        else:
            merged[place] = strategic_merge(merged[place], item, items)
    return merged


def _key_of(item: object, merge_key: str) -> object:
    if not isinstance(item, dict) or merge_key not in item:
        raise _internal(f"map: {go_value(item)} does not contain declared merge key: {merge_key}")
    return item[merge_key]


def _in_order(items: _List, order: _List, live: _List, merge_key: str) -> _List:
    """Items named in `order` follow it, the others keep the live order; where both lists know a pair, live decides."""
    wanted = [_identity(item, merge_key) for item in order]
    before = [_identity(item, merge_key) for item in live]
    named = sorted((i for i in items if _identity(i, merge_key) in wanted), key=lambda i: _place(i, wanted, merge_key))
    others = sorted(
        (i for i in items if _identity(i, merge_key) not in wanted), key=lambda i: _place(i, before, merge_key)
    )
    result: _List = []
    while named and others:
        first_other, first_named = _place(others[0], before, merge_key), _place(named[0], before, merge_key)
        other_leads = first_other < first_named < len(before)
        result.append((others if other_leads else named).pop(0))
    return result + named + others


def _identity(item: object, merge_key: str) -> object:
    return item.get(merge_key) if merge_key and isinstance(item, dict) else item


def _place(item: object, order: Sequence[object], merge_key: str) -> int:
    """The item's index in `order`, or past its end."""
    identity = _identity(item, merge_key)
    return order.index(identity) if identity in order else len(order)


def _as_new(value: Any) -> Any:
    """A patch value that has no counterpart: nulls and directives in it mean nothing and vanish."""
    if isinstance(value, dict):
        members = {key: inner for key, inner in value.items() if inner is not None and key != RETAIN_KEYS}
        return {
            key: _as_new(inner)
            for key, inner in members.items()
            if not _is_list_directive(key) and not _has_directive(inner)
        }
    return _without_directives(value) if isinstance(value, list) else value


def _without_directives(items: _List) -> _List:
    return [_as_new(item) for item in items if not _has_directive(item)]


def _has_directive(item: object) -> bool:
    return isinstance(item, dict) and DIRECTIVE in item


def _field(schema: MergeSchema | None, name: str) -> MergeSchema | None:
    """The schema of a member: a declared field, or the values of a map."""
    if schema is None:
        return None
    return schema.fields.get(name) or schema.items


def _internal(message: str) -> StatusError:
    """The real server calls a patch that cannot be merged its own error."""
    return StatusError(code=500, reason="", message=message)
