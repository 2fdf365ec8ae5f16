"""The kinds of values that a scenario is made of. Each reads a node, writes the value back, and states its JSON Schema, so
that the reader, the text form of a Python value and the published schema can never tell different things.

    SELECTOR = record(Selector, {"sites": Field("sites", list_of(TEXT)), "labels": Field("labels", map_of(TEXT))})
    SELECTOR.read(node)      # -> Selector, or BadScenario with the place of the mistake
    SELECTOR.write(value)    # -> what a YAML file would hold
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from chaos.scenario.duration import DURATION_PATTERN, write_duration
from chaos.scenario.node import Node
from chaos.scenario.units import RATE_PATTERN, SHARE_PATTERN, parse_rate, parse_share, write_rate, write_share
from fakekube.meta.names import is_dns1123_label

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Schema = dict[str, object]
"""A JSON Schema (draft 2020-12)."""

LABEL_PATTERN: Final = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """`read` raises BadScenario; `write` takes what `read` gives, and leaves judging to the next `read`."""

    read: Callable[[Node], T_co]
    write: Callable[..., object]
    schema: Schema


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a record: the attribute it fills, its kind, and what an editor shows beside it."""

    attribute: str
    kind: Kind[object]
    doc: str = ""
    required: bool = False


def _same(value: object) -> object:
    return value


# --- one value


def _from_text(read: Callable[[str], T], pattern: str, write: Callable[..., object]) -> Kind[T]:
    """Text that `read` understands; its ValueError becomes the complaint."""

    def from_node(node: Node) -> T:
        text = node.text()
        try:
            return read(text)
        except ValueError as error:
            raise node.bad(f"{node.shown()} {error}") from None

    return Kind(from_node, write, {"type": "string", "pattern": f"^(?:{pattern})$"})


TEXT: Final[Kind[str]] = Kind(Node.text, _same, {"type": "string"})
TRUTH: Final[Kind[bool]] = Kind(Node.truth, _same, {"type": "boolean"})
DURATION: Final[Kind[float]] = Kind(
    Node.seconds, write_duration, {"type": "string", "pattern": f"^(?:0|{DURATION_PATTERN})$"}
)
RATE: Final = _from_text(parse_rate, RATE_PATTERN, write_rate)
SHARE: Final = _from_text(parse_share, SHARE_PATTERN, write_share)


def _label(node: Node) -> str:
    if not is_dns1123_label(node.text()):
        raise node.bad(f"{node.shown()} is no DNS-1123 label: use small letters, digits and '-'")
    return node.text()


LABEL: Final[Kind[str]] = Kind(_label, _same, {"type": "string", "pattern": f"^{LABEL_PATTERN}$"})


def count(least: int, most: int | None = None) -> Kind[int]:
    limits: Schema = {"minimum": least, **({} if most is None else {"maximum": most})}
    return Kind(lambda node: node.count(least, most), _same, {"type": "integer", **limits})


def number(least: float, most: float) -> Kind[float]:
    return Kind(lambda node: node.number(least, most), _same, {"type": "number", "minimum": least, "maximum": most})


def one_of(words: Collection[str]) -> Kind[str]:
    return Kind(lambda node: node.one_of(words), _same, {"enum": list(words)})


def or_null(kind: Kind[T]) -> Kind[T | None]:
    """A null is meant, as in a merge patch."""
    return Kind(
        lambda node: None if node.value is None else kind.read(node),
        lambda value: None if value is None else kind.write(value),
        {"anyOf": [kind.schema, {"type": "null"}]},
    )


# --- several


def list_of(kind: Kind[T], *, least: int = 0) -> Kind[tuple[T, ...]]:
    def read(node: Node) -> tuple[T, ...]:
        items = node.items()
        if len(items) < least:
            raise node.bad(f"is too short: give {least} or more")
        return tuple(kind.read(item) for item in items)

    return Kind(
        read,
        lambda values: [kind.write(value) for value in values],
        {"type": "array", "items": kind.schema} | ({"minItems": least} if least else {}),
    )


def map_of(kind: Kind[T]) -> Kind[dict[str, T]]:
    """Names of the user's own, such as labels."""
    return Kind(
        lambda node: {name: kind.read(member) for name, member in node.members().items()},
        lambda values: {name: kind.write(value) for name, value in values.items()},
        {"type": "object", "additionalProperties": kind.schema},
    )


def record(
    make: Callable[..., T],
    fields: Mapping[str, Field],
    *,
    check: Callable[[T, Mapping[str, Node]], None] | None = None,
    doc: str = "",
) -> Kind[T]:
    """A mapping whose members fill the dataclass `make`; what is left out has the dataclass's own default.

    `check(value, nodes)` judges members against each other. A ValueError of `make` becomes a complaint.
    """
    required = [name for name, field in fields.items() if field.required]

    def read(node: Node) -> T:
        nodes = node.fields(tuple(fields), required=required)
        given = {fields[name].attribute: fields[name].kind.read(member) for name, member in nodes.items()}
        try:
            value = make(**given)
        except ValueError as error:
            raise node.bad(str(error)) from None
        if check is not None:
            check(value, {**nodes, "": node})
        return value

    return Kind(read, lambda value: _written(value, fields), record_schema(fields, required, doc))


def _written(value: object, fields: Mapping[str, Field]) -> dict[str, object]:
    """Members that hold their default are left out, as a person would."""
    written: dict[str, object] = {}
    for name, field in fields.items():
        held = getattr(value, field.attribute)
        if held is not None and (field.required or held != _default(value, field.attribute)):
            written[name] = field.kind.write(held)
    return written


def _default(value: object, attribute: str) -> object:
    assert dataclasses.is_dataclass(value), "records fill dataclasses"
    found = next(field for field in dataclasses.fields(value) if field.name == attribute)
    if found.default_factory is not dataclasses.MISSING:
        return found.default_factory()
    return found.default


def record_schema(fields: Mapping[str, Field], required: Collection[str], doc: str = "") -> Schema:
    properties = {
        name: {**field.kind.schema, **({"description": field.doc} if field.doc else {})}
        for name, field in fields.items()
    }
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {}) | ({"description": doc} if doc else {})


# --- one of several forms


@dataclass(frozen=True, slots=True)
class Form(Generic[T_co]):
    """A form that a value may have in a file: the Python type of its text, its kind, and which values are written so."""

    type: type | tuple[type, ...]
    kind: Kind[T_co]
    holds: Callable[[object], bool]


def forms(*choices: Form[T], otherwise: str) -> Kind[T]:
    """Told apart by the type in the file: text, list or mapping. `otherwise` says what to write instead."""

    def read(node: Node) -> T:
        for choice in choices:
            if isinstance(node.value, choice.type):
                return choice.kind.read(node)
        raise node.bad(f"must be {otherwise}, not {node.shown()}")

    def write(value: object) -> object:
        found = next((choice for choice in choices if choice.holds(value)), None)
        return value if found is None else found.kind.write(value)

    return Kind(read, write, {"anyOf": [choice.kind.schema for choice in choices]})


def tagged(tag: str, kinds: Mapping[str, Kind[T]], word_of: Callable[[object], str]) -> Kind[T]:
    """A mapping whose member `tag` is one word, which says what the other members are."""

    def read(node: Node) -> T:
        members = node.members()
        if tag not in members:
            raise node.bad(f"{tag} is missing: one of {', '.join(kinds)}")
        kind = kinds[members[tag].one_of(tuple(kinds))]
        others = {name: member.value for name, member in members.items() if name != tag}
        return kind.read(Node(node.source, node.path, others))

    def write(value: object) -> object:
        word = word_of(value)
        written = kinds[word].write(value) if word in kinds else {}
        assert isinstance(written, dict), "tagged kinds are records"
        return {tag: word, **written}

    return Kind(read, write, _tagged_schema(tag, kinds))


def _tagged_schema(tag: str, kinds: Mapping[str, Kind[object]]) -> Schema:
    """One `if` per word: an editor then completes and complains by the word that stands there."""
    return {
        "type": "object",
        "required": [tag],
        "properties": {tag: {"enum": list(kinds)}},
        "allOf": [
            {"if": {"properties": {tag: {"const": word}}, "required": [tag]}, "then": _with_tag(tag, word, kind.schema)}
            for word, kind in kinds.items()
        ],
    }


def _with_tag(tag: str, word: str, schema: Schema) -> Schema:
    properties = schema["properties"]
    assert isinstance(properties, dict), "tagged kinds are records"
    return {**schema, "properties": {tag: {"const": word}, **properties}}
