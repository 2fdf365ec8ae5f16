"""What this site has heard of a record's values, edit by edit: a bounded history, for whoever asks why a value stands."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from collab.protocol.names import NAMESPACES
from collab.record.joins import Edit
from collab.record.slots import ObjectId, Stamp, field_path
from collab.record.view import RecordView, parsed_or_none

EDITS_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An edit as it came in, at this site's time `at`; `saw`: the stamps of others' edits that its writer had seen."""

    at: float
    object_id: ObjectId
    path: str
    edit: Edit
    saw: tuple[Stamp, ...]


class Chronicle:
    """The last EDITS_MAX edits of one record since the agent started, this site's own among them."""

    def __init__(self) -> None:
        self._heard: deque[Heard] = deque(maxlen=EDITS_MAX)

    def note(self, view: RecordView, keys: Iterable[str], now: float) -> None:
        """These slots have changed. One that was taken back says nothing new."""
        for key in filter(None, map(parsed_or_none, keys)):
            slot = view.field_slot(key) if key.family == "f" else None
            if slot is not None:
                kind, name, _, path = key.subject
                edit = Edit(value=None if slot.removed else slot.v, removed=slot.removed, stamp=slot.t)
                self._heard.append(
                    Heard(at=now, object_id=ObjectId(kind, name), path=path, edit=edit, saw=tuple(slot.b))
                )

    def of(self, object_id: ObjectId, path: str) -> list[Heard]:
        """The edits of one field, in the order in which this site heard of them."""
        return [heard for heard in self._heard if (heard.object_id, heard.path) == (object_id, path)]


def plain_field(namespace: str, path: str) -> tuple[ObjectId, str]:
    """`labels/crop` as a field of the namespace, `configmaps/app/data/key` as one of the ConfigMap. Raises ValueError."""
    object_id, rest = ObjectId(NAMESPACES, namespace), path
    if path.startswith("configmaps/"):
        _, name, rest = [*path.split("/", 2), "", ""][:3]
        object_id = ObjectId("configmaps", name)
    part, _, key = rest.partition("/")
    parents = {"labels": ("metadata", "labels"), "annotations": ("metadata", "annotations"), "data": ("data",)}
    if part not in parents or not key:
        raise ValueError(f"path {path!r}: write labels/KEY, annotations/KEY, or configmaps/NAME/data/KEY")
    return object_id, field_path(*parents[part], key)
