"""Who owns which fields: updates take them, applies claim them, and a claim on another's field is a conflict.

Values only: managers are a mapping from a name to what it owns. Source: sigs.k8s.io/structured-merge-diff,
package merge, whose own cases are replayed against this file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fakekube.registry import fieldset, typed
from fakekube.registry.fieldset import FieldSet, Path
from fakekube.registry.typed import FieldType


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """The fields of one manager, as of one API version; `applied` when it claims them by apply."""

    fields: FieldSet
    version: str
    applied: bool = False


Managers = Mapping[str, Owned]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that the applier wants to change and `manager` owns."""

    manager: str
    path: Path


# How two values differ in the eyes of another version, whose managers own the fields of that version.
Elsewhere = Callable[[str, Any, Any], typed.Comparison]


class Conflicts(Exception):
    """An apply without force that would take fields from others; `found` is sorted by manager, then field."""

    def __init__(self, found: list[Conflict]) -> None:
        super().__init__(f"{len(found)} conflicts")
        self.found = found


def update(
    live: object,
    new: object,
    field_type: FieldType,
    managers: Managers,
    manager: str,
    version: str,
    ignored: FieldSet,
    elsewhere: Elsewhere | None = None,
) -> dict[str, Owned]:
    """The managers after `manager` wrote `new` over `live`: what it changed or added is its own, what is gone is nobody's.

    `elsewhere` compares for managers of other versions; without it all versions have the same fields.
    """
    change = typed.compare(live, new, field_type)
    left = _without_lost(managers, _Seen(live, new, change, version, elsewhere), manager)
    before = left.get(manager)
    fields = fieldset.difference(before.fields, change.removed) if before else None
    taken = fieldset.union(change.modified, change.added)
    fields = fieldset.recursive_difference(fieldset.union(fields, taken), ignored)
    return _filled({**left, manager: Owned(fields=fields, version=version)})


def apply(
    live: Any,
    config: Any,
    field_type: FieldType,
    managers: Managers,
    manager: str,
    version: str,
    *,
    force: bool,
    ignored: FieldSet = None,
    validate: Callable[[Any], None] = lambda merged: None,
    elsewhere: Elsewhere | None = None,
) -> tuple[Any, dict[str, Owned]]:
    """The object and its managers after `manager` applied `config`.

    What it applied before, and now leaves out, goes unless another manager owns it. Raises Conflicts without `force`.
    """
    before = managers.get(manager)
    merged = typed.merge(live, config, field_type)
    fields = fieldset.recursive_difference(typed.field_set(config, field_type), ignored)
    claimed = {**managers, manager: Owned(fields=fields, version=version, applied=True)}
    pruned = _pruned(merged, field_type, claimed, before, fields)
    validate(pruned)
    change = _without_ignored(typed.compare(live, pruned, field_type), ignored)
    seen = _Seen(live, pruned, change, version, elsewhere)
    conflicts = _conflicts(claimed, seen, manager)
    if conflicts and not force:
        raise Conflicts(conflicts)
    return pruned, _filled(_without_lost(claimed, seen, manager))


def _without_ignored(change: typed.Comparison, ignored: FieldSet) -> typed.Comparison:
    """What this write cannot change is no conflict and is taken from nobody."""
    if ignored is None:
        return change
    return typed.Comparison(
        removed=fieldset.recursive_difference(change.removed, ignored),
        modified=fieldset.recursive_difference(change.modified, ignored),
        added=fieldset.recursive_difference(change.added, ignored),
    )


class _Seen:
    """One change, as managers of each version see it."""

    def __init__(
        self, live: Any, new: Any, change: typed.Comparison, version: str, elsewhere: Elsewhere | None
    ) -> None:
        self._live = live
        self._new = new
        self._changes = {version: change}
        self._change = change
        self._elsewhere = elsewhere

    def by(self, owned: Owned) -> typed.Comparison:
        if self._elsewhere is None:
            return self._change
        found = self._changes.get(owned.version)
        if found is None:
            found = self._changes[owned.version] = self._elsewhere(owned.version, self._live, self._new)
        return found


def _without_lost(managers: Managers, seen: _Seen, manager: str) -> dict[str, Owned]:
    """The others lose what changed under them and what is gone."""

    def left(owned: Owned) -> Owned:
        change = seen.by(owned)
        lost = fieldset.union(fieldset.union(change.modified, change.added), change.removed)
        return owned if lost is None else replace(owned, fields=fieldset.difference(owned.fields, lost))

    return _filled({name: owned if name == manager else left(owned) for name, owned in managers.items()})


def _filled(managers: Managers) -> dict[str, Owned]:
    return {name: owned for name, owned in managers.items() if owned.fields is not None}


def _conflicts(managers: Managers, seen: _Seen, manager: str) -> list[Conflict]:
    return [
        Conflict(name, path)
        for name in sorted(managers)
        if name != manager
        for path in fieldset.paths(_taken_from(managers[name], seen.by(managers[name])))
    ]


def _taken_from(owned: Owned, change: typed.Comparison) -> FieldSet:
    return fieldset.intersection(owned.fields, fieldset.union(change.modified, change.added))


def _pruned(merged: Any, field_type: FieldType, managers: Managers, before: Owned | None, claimed: FieldSet) -> Any:
    """`merged` without what the applier owned before and nobody claims now."""
    if before is None or fieldset.difference(before.fields, claimed) is None:
        return merged  # it claims all of it again
    pruned = typed.remove(merged, typed.with_named_fields(before.fields, field_type), field_type)
    pruned = _with_owned_items(merged, pruned, field_type, managers)
    return _with_dangling_items(merged, pruned, field_type, before)


def _with_owned_items(merged: Any, pruned: Any, field_type: FieldType, managers: Managers) -> Any:
    """Pruning takes whole items and maps; what any manager owns of them comes back, version by version."""
    for version in sorted({owned.version for owned in managers.values()}):
        managed: FieldSet = None
        for owned in managers.values():
            if owned.version == version:
                managed = fieldset.union(managed, owned.fields)
        kept = fieldset.union(_named(pruned, field_type), typed.with_named_fields(managed, field_type))
        gone = fieldset.difference(_named(merged, field_type), kept)
        pruned = typed.remove(merged, gone, field_type)
    return pruned


def _with_dangling_items(merged: Any, pruned: Any, field_type: FieldType, before: Owned) -> Any:
    """What the applier never owned comes back as well: nobody asked for its removal."""
    gone = fieldset.difference(_named(merged, field_type), _named(pruned, field_type))
    own = typed.with_named_fields(before.fields, field_type)
    return typed.remove(merged, fieldset.intersection(gone, own), field_type)


def _named(value: Any, field_type: FieldType) -> FieldSet:
    return typed.with_named_fields(typed.field_set(value, field_type), field_type)
