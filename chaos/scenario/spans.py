"""Lengths of time that a scenario leaves to chance: fixed, or drawn evenly between two bounds when it compiles."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from chaos.scenario.duration import NANOSECOND_DIGITS, parse_duration, write_duration
from chaos.scenario.grammar import DURATION, Form, Kind, forms
from chaos.scenario.node import Node


@dataclass(frozen=True, slots=True)
class Uniform:
    """Evenly between the two, both included."""

    low_s: float
    high_s: float


Span = float | Uniform


def drawn(span: Span, rng: Random) -> float:
    """Seconds. Nothing is drawn for a fixed span."""
    return span if not isinstance(span, Uniform) else round(rng.uniform(span.low_s, span.high_s), NANOSECOND_DIGITS)


def span_of(kind: Kind[float]) -> Kind[Span]:
    """`40s`, or `{uniform: [5s, 60s]}`, with `kind` at each place."""

    def read(node: Node) -> Uniform:
        bounds = node.fields(("uniform",), required=("uniform",))["uniform"]
        values = [kind.read(item) for item in bounds.items()]
        if len(values) != 2 or values[0] > values[1]:
            raise bounds.bad(f"must be two bounds, the smaller one first, not {bounds.shown()}")
        return Uniform(values[0], values[1])

    bounds = {"type": "array", "items": kind.schema, "minItems": 2, "maxItems": 2}
    uniform = {
        "type": "object",
        "properties": {"uniform": bounds},
        "required": ["uniform"],
        "additionalProperties": False,
    }
    return forms(
        Form(str, kind, lambda value: not isinstance(value, Uniform)),
        Form(
            dict,
            Kind(read, lambda value: {"uniform": [kind.write(value.low_s), kind.write(value.high_s)]}, uniform),
            lambda value: isinstance(value, Uniform),
        ),
        otherwise="a duration such as 40s, or {uniform: [5s, 60s]}",
    )


def _signed(node: Node) -> float:
    """A duration that may begin with a minus."""
    text = node.text()
    try:
        return -parse_duration(text[1:]) if text.startswith("-") else parse_duration(text)
    except ValueError as error:
        raise node.bad(f"{node.shown()} {error}") from None


SPAN: Final = span_of(DURATION)
OFFSET: Final[Kind[float]] = Kind(
    _signed,
    lambda value: f"-{write_duration(-value)}" if value < 0 else write_duration(value),
    {"type": "string", "pattern": str(DURATION.schema["pattern"]).replace("^", "^-?", 1)},
)
OFFSET_SPAN: Final = span_of(OFFSET)
