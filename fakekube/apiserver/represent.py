"""How an answer looks: as stored, as Table, as PartialObjectMetadata; in JSON, YAML or protobuf; whole or as watch frames.

Plain JSON is served from the stored bytes, joined and never encoded again; everything else is built from the objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from fakekube.apiserver.codec import JSON, MEDIA_TYPES, PROTOBUF, YAML, encode, encode_json
from fakekube.apiserver.negotiation import LIST, OBJECT, negotiate
from fakekube.apiserver.protobuf import watch_frame
from fakekube.apiserver.table import Columns, column, partial, partial_list, render
from fakekube.apiserver.table_values import Ages
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.defaulting.prepared import TEMPLATE_GENERATION
from fakekube.registry.list import Page
from fakekube.registry.metadata import with_metadata
from fakekube.registry.rules import empty_object
from fakekube.registry.strategies import Served
from fakekube.registry.versions import has_forms, shown
from fakekube.storage.items import Event, Item


class Shape(Protocol):
    """What an object is turned into before it is encoded."""

    # Under which frames are shared between watchers; empty: not at all.
    frames_key: str

    def one(self, served: Served, obj: KubeObject) -> KubeObject: ...

    def view(self, served: Served, obj: KubeObject) -> KubeObject: ...

    def page(self, served: Served, page: Page) -> KubeObject: ...

    def event_object(self, served: Served, obj: KubeObject, *, first: bool) -> KubeObject: ...


class Representation(Protocol):
    """Everything a verb answers with goes through one of these."""

    content_type: str
    watch_content_type: str

    def one(self, served: Served, item: Item) -> bytes: ...

    def view(self, served: Served, obj: KubeObject) -> bytes: ...

    def page(self, served: Served, page: Page) -> bytes: ...

    def event_frame(self, served: Served, event: Event) -> bytes: ...

    def bookmark_frame(self, served: Served, revision: int, annotations: Mapping[str, str]) -> bytes: ...

    def error_frame(self, error: StatusError) -> bytes: ...


def list_metadata(page: Page) -> KubeObject:
    """`metadata` of a list: resourceVersion (of what is stored), continue, remainingItemCount."""
    found: KubeObject = {"resourceVersion": str(page.revision)} if page.revision else {}
    if page.continue_text:
        found["continue"] = page.continue_text
    if page.remaining is not None:
        found["remainingItemCount"] = page.remaining
    return found


def metadata_of(served: Served, page: Page) -> KubeObject:
    """The same for a list of objects: one of custom resources always says whether it goes on."""
    found = list_metadata(page)
    return found if served.type.custom is None else {"continue": "", **found}


# Their internal form counts replicas without a pointer, so that even an empty one has some.
_SCALED_KINDS = frozenset(["Deployment", "ReplicaSet", "StatefulSet"])


def bookmark_object(served: Served, revision: int, annotations: Mapping[str, str]) -> KubeObject:
    """The empty object of the kind that carries a revision and nothing else."""
    obj = empty_object(served)
    if served.type.kind in _SCALED_KINDS:
        obj = {**obj, "spec": {"replicas": 0, **obj["spec"]}}
    found: KubeObject = {"resourceVersion": str(revision)}
    if annotations:
        found["annotations"] = dict(annotations)
    return {**obj, "metadata": found}


class StoredJson:
    """Plain JSON out of the stored bytes."""

    content_type = JSON
    watch_content_type = JSON

    def one(self, served: Served, item: Item) -> bytes:
        return shown(served, item).data + b"\n"

    def view(self, served: Served, obj: KubeObject) -> bytes:
        """What is made for the answer: a Scale, a review."""
        return encode_json(obj)

    def page(self, served: Served, page: Page) -> bytes:
        """Items of a typed list have neither kind nor apiVersion: the stored bytes begin with both, and are cut there.

        Those of custom resources have both.
        """
        cut, opening = len(served.head), b"{" if served.head else b""
        listed = [shown(served, item) for item in page.items] if has_forms(served) else page.items
        head = (
            f'{{"kind":"{served.type.list_kind}","apiVersion":"{served.type.api_version}",'
            f'"metadata":{encode_json(metadata_of(served, page)).decode().rstrip()},"items":['
        ).encode()
        pieces = [item.data[cut:] for item in listed]
        if pieces:
            # head and end go into the one join: a second one would copy all of a large list again
            pieces[0] = head + opening + pieces[0]
            pieces[-1] += b"]}\n"
        return (b"," + opening).join(pieces) or head + b"]}\n"

    def event_frame(self, served: Served, event: Event) -> bytes:
        key = f"json {served.type.api_version}"
        frame = event.frames.get(key)
        if frame is None:
            data = shown(served, event.item).data
            frame = event.frames[key] = b'{"type":"%s","object":%s}\n' % (event.type.encode(), data)
        return frame

    def bookmark_frame(self, served: Served, revision: int, annotations: Mapping[str, str]) -> bytes:
        return encode_json({"type": "BOOKMARK", "object": bookmark_object(served, revision, annotations)})

    def error_frame(self, error: StatusError) -> bytes:
        return encode_json({"type": "ERROR", "object": error.status()})


class Shaped:
    """Any shape in any media type."""

    def __init__(self, shape: Shape, media: str) -> None:
        self._shape = shape
        self._media = media
        self.content_type = media
        self.watch_content_type = f"{media};stream=watch" if media == PROTOBUF else media
        self._fresh = True

    def one(self, served: Served, item: Item) -> bytes:
        return encode(self._shape.one(served, shown(served, item).obj), self._media)

    def view(self, served: Served, obj: KubeObject) -> bytes:
        return encode(self._shape.view(served, obj), self._media)

    def page(self, served: Served, page: Page) -> bytes:
        return encode(self._shape.page(served, page), self._media)

    def event_frame(self, served: Served, event: Event) -> bytes:
        first, self._fresh = self._fresh, False
        key = f"{self._shape.frames_key} {self._media} {served.type.api_version}"
        frame = event.frames.get(key) if self._shape.frames_key else None
        if frame is None:
            obj = self._shape.event_object(served, shown(served, event.item).obj, first=first)
            frame = self._frame(event.type, obj)
            if self._shape.frames_key:
                event.frames[key] = frame
        return frame

    def bookmark_frame(self, served: Served, revision: int, annotations: Mapping[str, str]) -> bytes:
        first, self._fresh = self._fresh, False
        obj = bookmark_object(served, revision, annotations)
        return self._frame("BOOKMARK", self._shape.event_object(served, obj, first=first))

    def error_frame(self, error: StatusError) -> bytes:
        return self._frame("ERROR", error.status())

    def _frame(self, kind: str, obj: KubeObject) -> bytes:
        if self._media == PROTOBUF:
            return watch_frame(kind, obj)
        return encode({"type": kind, "object": obj}, self._media)


class PlainShape:
    """The object itself."""

    frames_key = "plain"

    def one(self, served: Served, obj: KubeObject) -> KubeObject:
        return obj

    def view(self, served: Served, obj: KubeObject) -> KubeObject:
        return obj

    def page(self, served: Served, page: Page) -> KubeObject:
        items = [shown(served, item).obj for item in page.items]
        listed = items if served.type.custom is not None else [untyped(each) for each in items]
        head = {"kind": served.type.list_kind, "apiVersion": served.type.api_version}
        return {**head, "metadata": metadata_of(served, page), "items": listed}

    def event_object(self, served: Served, obj: KubeObject, *, first: bool) -> KubeObject:
        return obj


_PARTIAL_LIST = "PartialObjectMetadataList"


class PartialShape:
    """PartialObjectMetadata: the kind and the metadata alone."""

    def __init__(self, version: str, kind: str) -> None:
        self._version = version
        self._kind = kind
        self.frames_key = f"partial {version}"

    def one(self, served: Served, obj: KubeObject) -> KubeObject:
        if self._kind == _PARTIAL_LIST:
            raise self._unfit(served, "is not a list", served.type.kind)
        return partial(_internal(served, obj), self._version)

    def view(self, served: Served, obj: KubeObject) -> KubeObject:
        return self.one(served, obj)

    def _unfit(self, served: Served, why: str, kind: str) -> StatusError:
        """406: a list was asked for as one object, or the reverse."""
        internal = served.type.group.partition(".")[0] or "core"
        message = f"you requested {self._kind}, but the requested object {why} (*{internal}.{kind})"
        return StatusError(code=406, reason="NotAcceptable", message=message)

    def page(self, served: Served, page: Page) -> KubeObject:
        if self._kind != _PARTIAL_LIST:
            raise self._unfit(served, "is a list", served.type.list_kind)
        items = [_internal(served, item.obj) for item in page.items]
        shown_list = partial_list(items, list_metadata(page), self._version)
        # Go's nil slice: the real server prints null for none.
        return {**shown_list, "items": shown_list["items"] or None}

    def event_object(self, served: Served, obj: KubeObject, *, first: bool) -> KubeObject:
        return partial(_internal(served, obj), self._version)


class TableShape:
    """The rows that kubectl prints. Ages count up to the moment of the answer, so frames are never shared."""

    frames_key = ""

    def __init__(self, version: str, include_object: str, now: Callable[[], float]) -> None:
        self._version = version
        self._include = include_object
        self._now = now

    def one(self, served: Served, obj: KubeObject) -> KubeObject:
        return self._table(served, [obj])

    def view(self, served: Served, obj: KubeObject) -> KubeObject:
        return self._table(served, [obj], columns=_SCALE_COLUMNS if obj.get("kind") == "Scale" else None)

    def page(self, served: Served, page: Page) -> KubeObject:
        items = [shown(served, item).obj for item in page.items]
        return self._table(served, items, list_meta=list_metadata(page))

    def event_object(self, served: Served, obj: KubeObject, *, first: bool) -> KubeObject:
        return self._table(served, [obj], headers=first)

    def _table(
        self,
        served: Served,
        items: Sequence[KubeObject],
        *,
        list_meta: KubeObject | None = None,
        headers: bool = True,
        columns: Columns | None = None,
    ) -> KubeObject:
        return render(
            served.type,
            items if self._include == "Object" else [_internal(served, each) for each in items],
            self._now(),
            include_object=self._include,
            list_meta=list_meta,
            headers=headers,
            version=self._version,
            columns=columns,
        )


def _internal(served: Served, obj: KubeObject) -> KubeObject:
    """Rows and bare metadata are made of the internal form: a DaemonSet's counts templates in a field, not a note."""
    if served.type.kind != "DaemonSet":
        return obj
    notes = dict(metadata(obj).get("annotations") or {})
    notes.pop(TEMPLATE_GENERATION, None)
    return with_metadata(obj, annotations=notes or None)


def _scale_cells(scale: KubeObject, ages: Ages) -> list[object]:
    spec, status = scale.get("spec") or {}, scale.get("status") or {}
    age = ages.since(metadata(scale).get("creationTimestamp"))
    return [metadata(scale).get("name"), spec.get("replicas", 0), status.get("replicas", 0), age]


_SCALE_COLUMNS = Columns(
    definitions=(column("Name"), column("Desired", "integer"), column("Available", "integer"), column("Age")),
    cells=_scale_cells,
)


def untyped(obj: KubeObject) -> KubeObject:
    """`obj` as an item of a typed list: without kind and apiVersion."""
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}


_PLAIN_ACCEPTS = frozenset(["", "*/*", JSON])
_STORED_JSON = StoredJson()


def representation(
    accept: str,
    query: Mapping[str, str],
    verb: str,
    now: Callable[[], float],
    *,
    custom: bool = False,
    virtual: bool = False,
) -> Representation:
    """What the Accept header asks for. 406 when nothing fits. `now` gives the time that ages count up to.

    `custom` resources have no protobuf form, though refusals name it; `virtual` ones, which are not stored, no Table.
    """
    if accept in _PLAIN_ACCEPTS:
        return _STORED_JSON
    offer = LIST if verb in ("list", "watch", "deletecollection") else OBJECT
    if custom:
        offer = replace(offer, media_types=(JSON, YAML), named=MEDIA_TYPES, routed=False)
    if virtual:
        offer = replace(offer, tables=False)
    accepted = negotiate(accept, offer, watch=verb == "watch")
    match accepted.as_kind:
        case "Table":
            shape: Shape = TableShape(accepted.version, query.get("includeObject", ""), now)
        case "PartialObjectMetadata" | "PartialObjectMetadataList" as kind:
            shape = PartialShape(accepted.version, kind)
        case _:
            if accepted.media_type == JSON:
                return _STORED_JSON
            shape = PlainShape()
    return Shaped(shape, accepted.media_type)
