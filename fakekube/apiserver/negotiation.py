"""Which media type an answer takes, from the Accept header: the rules of go-restful first, then of Kubernetes.

Source: k8s.io/apiserver/pkg/endpoints/handlers/negotiation, go-restful's curly router, and recorded answers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from fakekube.apiserver.codec import JSON, MEDIA_TYPES, PROTOBUF, YAML
from fakekube.meta.errors import Details, StatusError

STREAMS = (f"{JSON};stream=watch", f"{PROTOBUF};stream=watch")
META_GROUP = "meta.k8s.io"
_META_VERSIONS = ("v1", "v1beta1")

# What an answer may be turned into (`as=`), and the media types that can carry it.
_TRANSFORMS = {
    "Table": (JSON, YAML),
    "PartialObjectMetadata": MEDIA_TYPES,
    "PartialObjectMetadataList": MEDIA_TYPES,
}
# A named form is (group, version, kind), as in `as=APIGroupDiscoveryList;g=apidiscovery.k8s.io;v=v2`.
Form = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What the client takes: a media type, and the form it asks for (`as_kind` is empty for the object itself)."""

    media_type: str = JSON
    as_kind: str = ""
    group: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clause:
    media_type: str
    quality: float = 1.0
    params: tuple[tuple[str, str], ...] = ()

    @property
    def rank(self) -> tuple[float, bool, bool]:
        kind, _, subtype = self.media_type.partition("/")
        return -self.quality, kind == "*", subtype == "*"

    def matches(self, media_type: str) -> bool:
        kind, _, subtype = self.media_type.partition("/")
        wanted, _, sub = media_type.partition("/")
        return (kind == "*" and subtype == "*") or (kind == wanted and subtype in (sub, "*"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What an endpoint can answer: its media types, the streams its router lists beside them, and its forms."""

    media_types: Sequence[str] = MEDIA_TYPES
    streams: Sequence[str] = ()
    forms: Collection[Form] = field(default_factory=tuple)
    transforms: bool = False
    tables: bool = True  # nobody prints what cannot be read again
    named: Sequence[str] = ()  # in a refusal, where that is not simply what is taken
    routed: bool = True  # /apis and the groups are not behind go-restful


OBJECT = Offer(transforms=True)
LIST = Offer(streams=STREAMS, transforms=True)
PLAIN = Offer()


@lru_cache(maxsize=256)
def _clauses(header: str) -> tuple[_Clause, ...]:
    return tuple(sorted(_parsed(header), key=lambda clause: clause.rank))


def _parsed(header: str) -> Iterator[_Clause]:
    for part in header.split(","):
        media_type, *params = (piece.strip() for piece in part.split(";"))
        pairs = tuple((k.strip(), v.strip(' "')) for k, _, v in (param.partition("=") for param in params))
        yield _Clause(media_type=media_type, quality=_quality(dict(pairs).get("q", "")), params=pairs)


def _quality(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 1.0


def negotiate(header: str, offer: Offer = OBJECT, *, watch: bool = False) -> Accepted:
    """What to answer. Raises StatusError 406, in the router's words when no media type fits, else in Kubernetes' own."""
    if not header.strip():
        return Accepted(media_type=offer.media_types[0])
    if offer.routed:
        check_router(header, offer)
    # a watch is framed: only JSON and protobuf have frames
    media_types = [kind for kind in offer.media_types if not watch or kind != YAML]
    for clause in _clauses(header):
        for media_type in media_types:
            accepted = _accept(clause, media_type, offer) if clause.matches(media_type) else None
            if accepted is not None:
                return accepted
    named = offer.named or (STREAMS if watch else offer.media_types)
    raise _not_acceptable(f"only the following media types are accepted: {', '.join(named)}")


def check_router(header: str, offer: Offer) -> None:
    """406 of the router: it knows `*/*` and exact names; a wildcard subtype is none of them, and parameters say nothing."""
    produced = (*offer.media_types, *offer.streams)
    names = {part.partition(";")[0].strip() for part in header.split(",")}
    if "*/*" in names or not names.isdisjoint(produced):
        return
    error = _not_acceptable(f"406: Not Acceptable\n\nAvailable representations: {', '.join(produced)}")
    error.details = Details()
    raise error


def _accept(clause: _Clause, media_type: str, offer: Offer) -> Accepted | None:
    params = dict(clause.params)
    kind, group, version = params.get("as", ""), params.get("g", ""), params.get("v", "")
    if kind and not _offered(kind, group, version, media_type, offer):
        return None
    return Accepted(
        media_type=media_type,
        as_kind=kind,
        group=group if kind else "",
        version=version if kind else "",
    )


def _offered(kind: str, group: str, version: str, media_type: str, offer: Offer) -> bool:
    if (group, version, kind) in offer.forms:
        return True
    if kind == "Table" and not offer.tables:
        return False
    if not offer.transforms or group != META_GROUP or version not in _META_VERSIONS:
        return False
    return media_type in _TRANSFORMS.get(kind, ())


def _not_acceptable(message: str) -> StatusError:
    return StatusError(code=406, reason="NotAcceptable", message=message)
