"""metadata.managedFields: its entries read, brought up to date by a write, and written back.

Source: k8s.io/apimachinery/pkg/util/managedfields; answers of kube-apiserver 1.37.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from fakekube.meta.errors import Cause, Details, StatusError
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry import fieldset, lastapplied, ownership, typed
from fakekube.registry.fieldset import LEAF, FieldSet
from fakekube.registry.ownership import Conflict, Conflicts, Owned
from fakekube.registry.schema import Schema
from fakekube.registry.typed import FieldType

APPLY, UPDATE = "Apply", "Update"
MAX_UPDATERS = 10
OLD_UPDATERS = "ancient-changes"
BEFORE_FIRST_APPLY = "before-first-apply"

# Set by the server alone, so nobody owns them.
_UNOWNED_METADATA = (
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
)
_UNOWNED: fieldset.Node = {
    "f:apiVersion": LEAF,
    "f:kind": LEAF,
    "f:metadata": {fieldset.SELF: LEAF, **{f"f:{name}": LEAF for name in _UNOWNED_METADATA}},
}


class ObjectType(FieldType, Protocol):
    """The type of whole objects of a kind."""

    @property
    def always_printed(self) -> Mapping[str, Any]:
        """What is printed for fields that are not set."""
        ...


# An object in another version, by its apiVersion, and the type that it has there.
InVersion = Callable[[KubeObject, str], tuple[KubeObject, ObjectType]]


class Manager(NamedTuple):
    """Who writes, in the order the server sorts entries by. An applier is the same one across API versions."""

    operation: str
    name: str
    api_version: str
    subresource: str

    @property
    def key(self) -> str:
        version = self.api_version if self.operation == UPDATE else ""
        return "\0".join((self.operation, self.name, version, self.subresource))


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write as its entry shows it: `time` in RFC 3339, `ignored` the fields this endpoint never writes.

    `in_version` is there where versions have fields of their own.
    """

    manager: str
    api_version: str
    time: str
    subresource: str = ""
    ignored: FieldSet = None
    in_version: InVersion | None = None

    def by(self, operation: str) -> Manager:
        return Manager(operation, self.manager, self.api_version, self.subresource)


@dataclass(frozen=True, slots=True)
class _Entry:
    manager: Manager
    owned: Owned
    time: str


_Entries = dict[str, _Entry]


def after_update(live: KubeObject | None, new: KubeObject, write: Write, schema: ObjectType) -> KubeObject:
    """`new` with managedFields as they are after create (`live` None), update or patch.

    Raises ValueError where lists have no keys to go by, or another version, in which somebody owns fields, lacks some.
    """
    entries = _entries_of(live, new)
    plain = _plain(new)
    if not entries:
        # an object that was there stays untracked until somebody applies to it
        return _with_first_entry(plain, write, schema) if live is None else plain
    before = _plain(live) if live is not None else zero_object(schema)
    manager = write.by(UPDATE)
    owners = ownership.update(
        before, plain, schema, _owned(entries), "", write.api_version, write.ignored, _elsewhere(write)
    )
    taken = fieldset.difference(owners[""].fields, _UNOWNED) if "" in owners else None
    left = _kept(entries, owners)
    if taken is not None:
        mine = left.get(manager.key)
        fields = fieldset.union(taken, mine.owned.fields) if mine else taken
        left[manager.key] = _Entry(manager, Owned(fields=fields, version=write.api_version), write.time)
    return _with_entries(plain, _capped(left).values())


def _with_first_entry(new: KubeObject, write: Write, schema: ObjectType) -> KubeObject:
    fields = _first_fields(new, schema, write.ignored)
    owned = Owned(fields=fields, version=write.api_version)
    return _with_entries(new, [_Entry(write.by(UPDATE), owned, write.time)] if fields is not None else [])


def _first_fields(new: KubeObject, schema: ObjectType, ignored: FieldSet) -> FieldSet:
    """What the maker of an object owns: all that the object has and an empty one of its kind has not."""
    zero = zero_object(schema)
    fields: fieldset.Node = {}
    for name, value in new.items():
        element, inner = f"f:{name}", schema.fields.get(name)
        if name == "metadata":
            node = typed.fields_within(value, inner, without=_UNOWNED_METADATA)
        elif element in _UNOWNED:
            continue
        elif name in zero:
            change = typed.compare(zero[name], value, inner)
            node = fieldset.union(change.modified, change.added)
        else:
            node = typed.all_fields(value, inner)
        if node is not None:
            fields[element] = node
    return fieldset.recursive_difference(fields or None, ignored)


def after_apply(
    live: KubeObject | None, config: KubeObject, write: Write, schema: ObjectType, *, force: bool
) -> KubeObject:
    """The object after a server-side apply of `config`, managedFields included.

    Raises StatusError: 500 for a config that does not fit the schema, 409 for conflicts without `force`.
    """
    require_fitting(config, schema)
    entries = _entries_of(live, {})
    before = _plain(live) if live is not None else zero_object(schema)
    if live is not None and not entries:
        entries = _taken_before(before, write, schema)
    manager = write.by(APPLY)
    merged, owners = _applied(before, config, write, schema, entries, force=force)
    mine = owners.pop(manager.key, None)
    left = _kept(entries, owners)
    fields = fieldset.difference(mine.fields, _UNOWNED) if mine else None
    if fields is not None:
        # an apply that changes nothing claims its fields without a time of its own
        known = entries[manager.key].time if manager.key in entries else ""
        time = known if merged == before else write.time
        left[manager.key] = _Entry(manager, Owned(fields=fields, version=write.api_version, applied=True), time)
    told = lastapplied.kept_in_step(merged, config) if write.manager == lastapplied.MANAGER else merged
    return _with_entries(told, left.values())


def _applied(
    before: KubeObject, config: KubeObject, write: Write, schema: ObjectType, entries: _Entries, *, force: bool
) -> tuple[KubeObject, dict[str, Owned]]:
    """Object and owners after the apply. kubectl may take what its own client-side apply had set."""
    manager = write.by(APPLY).key

    def attempt(*, force: bool) -> tuple[KubeObject, dict[str, Owned]]:
        return ownership.apply(
            before,
            config,
            schema,
            _owned(entries),
            manager,
            write.api_version,
            force=force,
            ignored=write.ignored,
            elsewhere=_elsewhere(write),
        )

    try:
        return attempt(force=force)
    except _Unfit as unfit:
        raise StatusError(code=500, reason="", message=str(unfit)) from None
    except Conflicts as conflicts:
        migrates = write.manager == lastapplied.MANAGER
        own = lastapplied.fields_left_to_kubectl(before, schema) if migrates else None
        left = [conflict for conflict in conflicts.found if not fieldset.contains(own, conflict.path)]
        if left:
            raise _conflict(left, entries) from None
    return attempt(force=True)


class _Unfit(ValueError):
    """An object that the type of another version does not know in all its parts."""


def _elsewhere(write: Write) -> ownership.Elsewhere | None:
    """Compares live and new object in the version of another manager. Raises _Unfit in the real server's words."""
    in_version = write.in_version
    if in_version is None:
        return None

    def compared(version: str, live: KubeObject, new: KubeObject) -> typed.Comparison:
        before, schema = in_version(live, version)
        for problem in typed.problems(before, schema):
            raise _Unfit(problem)
        after, _ = in_version(new, version)
        for problem in typed.problems(after, schema):
            raise _Unfit(f"failed to convert new object: {problem}")
        return typed.compare(before, after, schema)

    return compared


def same_but_times(live: KubeObject, new: KubeObject) -> bool:
    """True when a write changed nothing but the times of managedFields: such a write is none."""
    return _plain(live) == _plain(new) and _timeless(live) == _timeless(new)


def zero_object(schema: ObjectType) -> KubeObject:
    """The object of a kind before anything is set: what its Go struct prints when empty."""
    return {name: _zero(schema.fields.get(name), value) for name, value in schema.always_printed.items()}


def _zero(schema: FieldType | None, value: object) -> Any:
    return zero_object(schema) if value == {} and isinstance(schema, Schema) and schema.always_printed else value


# Entries in and out.


def _entries_of(live: KubeObject | None, new: KubeObject) -> _Entries:
    """The entries before the write. A client that sends `[]` or `[{}]` resets them; one that sends none, or
    what nobody can read, keeps them."""
    sent = metadata(new).get("managedFields")
    if sent is not None and not any(sent):
        return {}
    held = metadata(live or {}).get("managedFields") or ()
    if sent and sent != held and all(fieldset.is_set(entry.get("fieldsV1") or {}) for entry in sent):
        return _decoded(sent)
    return _decoded(held)


def _decoded(listed: Iterable[Mapping[str, Any]]) -> _Entries:
    entries = (_entry(each) for each in listed)
    return {entry.manager.key: entry for entry in entries if entry.owned.fields is not None}


def _entry(listed: Mapping[str, Any]) -> _Entry:
    manager = Manager(
        str(listed.get("operation", UPDATE)),
        str(listed.get("manager", "")),
        str(listed.get("apiVersion", "")),
        str(listed.get("subresource", "")),
    )
    fields = listed.get("fieldsV1") or None
    owned = Owned(fields=fields, version=manager.api_version, applied=manager.operation == APPLY)
    return _Entry(manager, owned, str(listed.get("time", "")))


def _owned(entries: _Entries) -> dict[str, Owned]:
    return {key: entry.owned for key, entry in entries.items()}


def _kept(entries: _Entries, owners: Mapping[str, Owned]) -> _Entries:
    return {key: replace(entry, owned=owners[key]) for key, entry in entries.items() if key in owners}


def _with_entries(obj: KubeObject, entries: Iterable[_Entry]) -> KubeObject:
    listed = [_listed(entry) for entry in sorted(entries, key=_order)]
    meta = {key: value for key, value in metadata(obj).items() if key != "managedFields"}
    return {**obj, "metadata": {**meta, "managedFields": listed} if listed else meta}


def _order(entry: _Entry) -> tuple[str, str, str, str, str]:
    manager = entry.manager
    return manager.operation, entry.time, manager.name, manager.api_version, manager.subresource


def _listed(entry: _Entry) -> KubeObject:
    operation, name, api_version, subresource = entry.manager
    listed: KubeObject = {"manager": name} if name else {}
    listed |= {"operation": operation, "apiVersion": api_version}
    if entry.time:
        listed["time"] = entry.time
    listed |= {"fieldsType": "FieldsV1", "fieldsV1": fieldset.canonical(entry.owned.fields or {})}
    return {**listed, "subresource": subresource} if subresource else listed


def _plain(obj: KubeObject) -> KubeObject:
    """The object without its managedFields."""
    meta = obj.get("metadata")
    if not isinstance(meta, dict) or "managedFields" not in meta:
        return obj
    return {**obj, "metadata": {key: value for key, value in meta.items() if key != "managedFields"}}


def _timeless(obj: KubeObject) -> list[KubeObject]:
    listed = metadata(obj).get("managedFields") or ()
    stripped = [{key: value for key, value in entry.items() if key != "time"} for entry in listed]
    return sorted(stripped, key=lambda entry: _order(_entry(entry)))


# Rules of Kubernetes around the algebra.


def _capped(entries: _Entries) -> _Entries:
    """At most ten updaters: the oldest of one API version are merged into one."""
    updaters = sorted(
        (entry for entry in entries.values() if entry.manager.operation == UPDATE),
        key=lambda entry: (entry.time, entry.manager.name, entry.manager.api_version, entry.manager.subresource),
    )
    surplus = len(updaters) - MAX_UPDATERS
    first: dict[str, _Entry] = {}
    capped = dict(entries)
    for entry in updaters:
        if surplus <= 0:
            break
        version = entry.manager.api_version
        if version not in first:
            first[version] = entry
            continue
        _pour(capped, first[version], entry)
        surplus -= 1
    return capped


def _pour(entries: _Entries, first: _Entry, entry: _Entry) -> None:
    """Moves `entry`, and the first of its version, into the bucket of old updaters."""
    bucket = Manager(UPDATE, OLD_UPDATERS, entry.manager.api_version, "")
    held = entries.get(bucket.key) or entries.pop(first.manager.key)
    del entries[entry.manager.key]
    fields = fieldset.union(entry.owned.fields, held.owned.fields)
    entries[bucket.key] = _Entry(bucket, replace(entry.owned, fields=fields), entry.time)


def _taken_before(live: KubeObject, write: Write, schema: ObjectType) -> _Entries:
    """An object that nobody tracked is owned by an unnamed updater when it is first applied to."""
    manager = Manager(UPDATE, BEFORE_FIRST_APPLY, write.api_version, "")
    fields = _first_fields(live, schema, write.ignored)
    owned = Owned(fields=fields, version=write.api_version)
    return {manager.key: _Entry(manager, owned, write.time)} if fields else {}


def require_fitting(config: KubeObject, schema: ObjectType) -> None:
    """An applied config must fit its schema: the real server calls the contrary its own error."""
    found = list(typed.problems(config, schema))
    if not found:
        return
    kind, version = str(config.get("kind", "")), str(config.get("apiVersion", ""))
    group_version = version if "/" in version else f"/{version}"
    meta = metadata(config)
    place = f"{meta.get('namespace', '')}/{meta.get('name', '')}; {group_version}, Kind={kind}"
    listed = found[0] if len(found) == 1 else "errors:\n" + "\n".join(f"  {problem}" for problem in found)
    raise StatusError(code=500, reason="", message=f"failed to create typed patch object ({place}): {listed}")


def _conflict(found: list[Conflict], entries: _Entries) -> StatusError:
    ordered = sorted(found, key=lambda conflict: fieldset.leaves_first(conflict.path))
    named = [(_described(entries[each.manager].manager), fieldset.path_text(each.path)) for each in ordered]
    named.sort(key=lambda each: each[0])  # stable: the fields of a manager keep their order
    causes = [Cause(reason="FieldManagerConflict", message=f"conflict with {who}", field=path) for who, path in named]
    return StatusError(code=409, reason="Conflict", message=_conflict_text(named), details=Details(causes=causes))


def _conflict_text(named: list[tuple[str, str]]) -> str:
    if len(named) == 1:
        return f"Apply failed with 1 conflict: conflict with {named[0][0]}: {named[0][1]}"
    lines = [f"Apply failed with {len(named)} conflicts: "]
    for who in dict.fromkeys(who for who, _ in named):
        lines.append(f"conflicts with {who}:")
        lines += [f"- {path}" for other, path in named if other == who]
    return lines[0] + "\n".join(lines[1:])


def _described(manager: Manager) -> str:
    """`"upd" using v1`, `"scaler" with subresource "scale" using apps/v1`; an applier is named alone."""
    text = f'"{manager.name}"'
    if manager.subresource:
        text += f' with subresource "{manager.subresource}"'
    return f"{text} using {manager.api_version}" if manager.operation == UPDATE else text
