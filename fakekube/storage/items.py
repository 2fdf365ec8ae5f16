"""What the store keeps: one object as its dict and its bytes, and what happened to it as an event."""

from __future__ import annotations

from typing import Literal

import msgspec

from fakekube.meta.objects import KubeObject

EventType = Literal["ADDED", "MODIFIED", "DELETED"]

encode_json = msgspec.json.Encoder().encode


class Item(msgspec.Struct, frozen=True):
    """One stored object. `obj` is never changed once stored; `data` is the same as JSON, encoded once.

    `form` is what the object was made to fit when it was written, for whoever must know whether it still does.
    """

    namespace: str
    name: str
    revision: int
    obj: KubeObject
    data: bytes
    form: object = None


class Event(msgspec.Struct, frozen=True, eq=False):
    """One write: `item` is what is there now (for DELETED, what was, with the revision of the deletion)."""

    type: EventType
    revision: int
    item: Item
    previous: Item | None
    # The frame as one watcher encoded it, for all others with the same encoding (a thousand watchers, one encoding).
    frames: dict[str, bytes] = msgspec.field(default_factory=dict)


# What comes before the resourceVersion in Go's ObjectMeta, and so in the bytes.
_BEFORE_REVISION = frozenset(["name", "generateName", "namespace", "selfLink", "uid"])


def stamped(obj: KubeObject, revision: int) -> KubeObject:
    """`obj` with its resourceVersion set; everything else is shared with the original."""
    metadata: KubeObject = obj["metadata"]
    if "resourceVersion" in metadata:
        return {**obj, "metadata": {**metadata, "resourceVersion": str(revision)}}
    first = {key: value for key, value in metadata.items() if key in _BEFORE_REVISION}
    return {**obj, "metadata": {**first, "resourceVersion": str(revision), **metadata}}


def item_of(namespace: str, name: str, obj: KubeObject, revision: int, form: object = None) -> Item:
    """`obj` as stored at `revision`."""
    written = stamped(obj, revision)
    return Item(namespace, name, revision, written, encode_json(written), form)
