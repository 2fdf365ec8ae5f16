"""The toxics as the API knows them: types, attributes, and what is refused. How they act is in behaviours.py.

The real server takes any integers and dies of some of them (Toxiproxy #541: a slicer without a size never ends, a
negative bandwidth panics). Here those are refused with 400.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from chaos.toxiproxy import errors
from chaos.toxiproxy.gojson import Fields, shortest

Stream = Literal["upstream", "downstream"]
"""upstream: from the client to the server; downstream: back."""

STREAMS: tuple[Stream, ...] = ("upstream", "downstream")

Attributes = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToxicType:
    """Name, attributes in the order in which they are printed, Go's type of them, and what would be fatal."""

    name: str
    go_name: str
    attributes: tuple[str, ...]
    integer: str = "int64"
    objection: Callable[[Attributes], str] = lambda attributes: ""
    """Why these attributes cannot be, or "" when they can."""


def _bandwidth_objection(attributes: Attributes) -> str:
    return "rate must be 0 or more" if attributes["rate"] < 0 else ""


def _slicer_objection(attributes: Attributes) -> str:
    if attributes["average_size"] < 1:
        return "average_size must be at least 1"
    if not 0 <= attributes["size_variation"] <= attributes["average_size"]:
        return "size_variation must be between 0 and average_size"
    return ""


TYPES: Mapping[str, ToxicType] = {
    kind.name: kind
    for kind in (
        ToxicType(
            name="bandwidth", go_name="BandwidthToxic", attributes=("rate",), objection=_bandwidth_objection
        ),  # rate in KB/s, a KB is 1000 bytes
        ToxicType(name="latency", go_name="LatencyToxic", attributes=("latency", "jitter")),  # ms
        ToxicType(name="limit_data", go_name="LimitDataToxic", attributes=("bytes",)),
        ToxicType(name="noop", go_name="NoopToxic", attributes=()),
        ToxicType(name="reset_peer", go_name="ResetToxic", attributes=("timeout",)),  # ms
        ToxicType(
            name="slicer",
            go_name="SlicerToxic",
            attributes=("average_size", "size_variation", "delay"),  # bytes, bytes, microseconds
            integer="int",
            objection=_slicer_objection,
        ),
        ToxicType(name="slow_close", go_name="SlowCloseToxic", attributes=("delay",)),  # ms
        ToxicType(name="timeout", go_name="TimeoutToxic", attributes=("timeout",)),  # ms
    )
}


@dataclass(slots=True, kw_only=True)
class Toxic:
    """One toxic of one proxy. Connections read it at each step, so that a change acts on them at once."""

    name: str
    type: ToxicType
    stream: Stream
    stream_text: str
    """The stream as the client spelled it: the real server echoes that."""
    toxicity: float
    attributes: dict[str, int]

    def document(self) -> dict[str, object]:
        return {
            "attributes": {name: self.attributes[name] for name in self.type.attributes},
            "name": self.name,
            "type": self.type.name,
            "stream": self.stream_text,
            "toxicity": shortest(self.toxicity),
        }


def parse_toxic(body: object, names: Collection[str]) -> Toxic:
    """A new toxic from a request's JSON value; `names` are taken. Checks in the real server's order, ApiError else."""
    fields = Fields(body, owner="ToxicWrapper", go_type="toxics.ToxicWrapper")
    stream_text = fields.text("stream", "downstream")
    type_text = fields.text("type", "")
    name = fields.text("name", "") or f"{type_text}_{stream_text}"
    toxicity = fields.float32("toxicity", 1.0)
    stream = _stream(stream_text)
    if type_text not in TYPES:
        raise errors.invalid_toxic_type()
    if name in names:
        raise errors.toxic_exists()
    kind = TYPES[type_text]
    attributes = merged(kind, dict.fromkeys(kind.attributes, 0), fields.raw("attributes"))
    return Toxic(name=name, type=kind, stream=stream, stream_text=stream_text, toxicity=toxicity, attributes=attributes)


def _stream(text: str) -> Stream:
    for stream in STREAMS:
        if text.lower() == stream:
            return stream
    raise errors.invalid_stream()


def merged(kind: ToxicType, current: Attributes, change: object) -> dict[str, int]:
    """The attributes after a change; ApiError 400, with nothing changed, for what is no integer or would be fatal."""
    fields = Fields(change, owner=f"{kind.go_name}.attributes", go_type=f"toxics.{kind.go_name}")
    found = {name: fields.integer(name, current[name], kind.integer) for name in kind.attributes}
    objection = kind.objection(found)
    if objection:
        raise errors.bad_body(f"{kind.name}: {objection}")
    return found


def changed(toxic: Toxic, body: object) -> tuple[dict[str, int], float]:
    """Attributes and toxicity of `toxic` after an update's JSON value; everything else in it is ignored."""
    fields = Fields(body, owner="", go_type="struct { Attributes interface {}; Toxicity float32 }")
    attributes = merged(toxic.type, toxic.attributes, fields.raw("attributes"))
    return attributes, fields.float32("toxicity", toxic.toxicity)
