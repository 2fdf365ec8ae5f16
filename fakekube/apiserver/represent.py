"""How an answer looks: as stored, as Table, as PartialObjectMetadata; in JSON, YAML or protobuf; whole or as watch frames.

Plain JSON is served from the stored bytes, joined and never encoded again; everything else is built from the objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from fakekube.apiserver.codec import JSON, PROTOBUF, encode, encode_json
from fakekube.apiserver.negotiation import LIST, OBJECT, negotiate
from fakekube.meta.errors import StatusError
from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.list import Page
from fakekube.registry.rules import empty_object
from fakekube.registry.strategies import Served
from fakekube.storage.items import Event, Item

CREATION = "creationTimestamp"


class Shape(Protocol):
    """What an object is turned into before it is encoded."""

    name: str

    def one(self, served: Served, obj: KubeObject) -> KubeObject: ...

    def page(self, served: Served, page: Page) -> KubeObject: ...

    def event_object(self, served: Served, obj: KubeObject, *, first: bool) -> KubeObject: ...


class Representation(Protocol):
    """Everything a verb answers with goes through one of these."""

    content_type: str
    watch_content_type: str

    def one(self, served: Served, item: Item) -> bytes: ...

    def page(self, served: Served, page: Page) -> bytes: ...

    def event_frame(self, served: Served, event: Event) -> bytes: ...

    def bookmark_frame(self, served: Served, revision: int, annotations: Mapping[str, str]) -> bytes: ...

    def error_frame(self, error: StatusError) -> bytes: ...


def list_metadata(page: Page) -> KubeObject:
    """`metadata` of a list: resourceVersion, continue, remainingItemCount."""
    found: KubeObject = {"resourceVersion": str(page.revision)}
    if page.continue_text:
        found["continue"] = page.continue_text
    if page.remaining is not None:
        found["remainingItemCount"] = page.remaining
    return found


def bookmark_object(served: Served, revision: int, annotations: Mapping[str, str]) -> KubeObject:
    """The empty object of the kind that carries a revision and nothing else."""
    obj = empty_object(served)
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

    def page(self, served: Served, page: Page) -> bytes:
        """Items of a typed list have neither kind nor apiVersion: the stored bytes begin with both, and are cut there."""
        cut = len(served.head)
        items = b",{".join([shown(served, item).data[cut:] for item in page.items])
        head = (
            f'{{"kind":"{served.type.list_kind}","apiVersion":"{served.type.api_version}",'
            f'"metadata":{encode_json(list_metadata(page)).decode().rstrip()},"items":['
        ).encode()
        return b"".join([head, b"{" if page.items else b"", items, b"]}\n"])

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

    def page(self, served: Served, page: Page) -> bytes:
        return encode(self._shape.page(served, page), self._media)

    def event_frame(self, served: Served, event: Event) -> bytes:
        first, self._fresh = self._fresh, False
        key = f"{self._shape.name} {self._media} {served.type.api_version} {first}"
        frame = event.frames.get(key)
        if frame is None:
            obj = self._shape.event_object(served, shown(served, event.item).obj, first=first)
            frame = event.frames[key] = self._frame(event.type, obj)
        return frame

    def bookmark_frame(self, served: Served, revision: int, annotations: Mapping[str, str]) -> bytes:
        first, self._fresh = self._fresh, False
        obj = bookmark_object(served, revision, annotations)
        return self._frame("BOOKMARK", self._shape.event_object(served, obj, first=first))

    def error_frame(self, error: StatusError) -> bytes:
        return self._frame("ERROR", error.status())

    def _frame(self, kind: str, obj: KubeObject) -> bytes:
        if self._media == PROTOBUF:
            return protobuf_frame(kind, obj)
        return encode({"type": kind, "object": obj}, self._media)


class PlainShape:
    """The object itself."""

    name = "plain"

    def one(self, served: Served, obj: KubeObject) -> KubeObject:
        return obj

    def page(self, served: Served, page: Page) -> KubeObject:
        items = [untyped(shown(served, item).obj) for item in page.items]
        return list_object(served.type.list_kind, served.type.api_version, page, items)

    def event_object(self, served: Served, obj: KubeObject, *, first: bool) -> KubeObject:
        return obj


PARTIAL = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}


class PartialShape:
    """PartialObjectMetadata: the kind and the metadata alone."""

    name = "partial"

    def one(self, served: Served, obj: KubeObject) -> KubeObject:
        return {**PARTIAL, "metadata": metadata(obj)}

    def page(self, served: Served, page: Page) -> KubeObject:
        items = [self.one(served, item.obj) for item in page.items]
        return list_object("PartialObjectMetadataList", PARTIAL["apiVersion"], page, items)

    def event_object(self, served: Served, obj: KubeObject, *, first: bool) -> KubeObject:
        return self.one(served, obj)


def list_object(kind: str, api_version: str, page: Page, items: Sequence[KubeObject]) -> KubeObject:
    return {"kind": kind, "apiVersion": api_version, "metadata": list_metadata(page), "items": list(items)}


def untyped(obj: KubeObject) -> KubeObject:
    """`obj` as an item of a typed list: without kind and apiVersion."""
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}


def shown(served: Served, item: Item) -> Item:
    """The stored item in the version that is served."""
    return item


def protobuf_frame(kind: str, obj: KubeObject) -> bytes:
    """A WatchEvent, its object an embedded document, behind its length in four bytes."""
    event = encode({"kind": "WatchEvent", "apiVersion": "v1", "type": kind, "object": obj}, PROTOBUF)
    return len(event).to_bytes(4, "big") + event


_PLAIN_ACCEPTS = frozenset(["", "*/*", JSON])
_STORED_JSON = StoredJson()
_SHAPES: Mapping[str, type[PlainShape] | type[PartialShape]] = {
    "": PlainShape,
    "PartialObjectMetadata": PartialShape,
    "PartialObjectMetadataList": PartialShape,
}


def representation(accept: str, verb: str) -> Representation:
    """What the Accept header asks for. 406 when nothing fits."""
    if accept in _PLAIN_ACCEPTS:
        return _STORED_JSON
    offer = LIST if verb in ("list", "watch", "deletecollection") else OBJECT
    accepted = negotiate(accept, offer, watch=verb == "watch")
    if not accepted.as_kind and accepted.media_type == JSON:
        return _STORED_JSON
    return Shaped(_SHAPES[accepted.as_kind](), accepted.media_type)
