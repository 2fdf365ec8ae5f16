"""What users do during a scenario: operations on shared namespaces and on what is in them, each at one site, once or again
and again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chaos.scenario.grammar import (
    DURATION,
    TEXT,
    TRUTH,
    Field,
    Form,
    Kind,
    count,
    forms,
    list_of,
    map_of,
    one_of,
    or_null,
    record,
    record_schema,
    tagged,
)
from chaos.scenario.node import Node
from chaos.scenario.selector import SELECTOR, Selector
from fakekube.meta.names import is_dns1123_label

PLACES: Final = ("members", "all")
READS: Final = ("get", "list")
SHARED: Final = ("create", "extend", "retract", "reattach", "destroy")
"""Verbs of the collaboration layer. All others are requests that any client of Kubernetes makes, and calls of Python code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSite:
    """One site drawn anew for every occurrence: of the resource's members, or of all sites."""

    of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operation of the workload.

    `on` is the site whose user acts (default: where the resource was created). `scope` names the members of a created
    resource. `patch` maps label keys to values, None removes; `data` is that of a ConfigMap likewise. `{seq}` in a value is
    the number of the occurrence and `{site}` the acting site. With `every_s` the step repeats from `at_s` until `until_s`
    (default: the quiet period), each time up to `jitter_s` later. A `mix` draws one of `of` for every occurrence, by weight.
    A `call` runs `function` (`package.module:name`) with `arguments`.
    """

    do: str
    resource: str = ""
    at_s: float = 0.0
    every_s: float | None = None
    jitter_s: float = 0.0
    until_s: float | None = None
    on: str | RandomSite | None = None
    scope: Selector | str | None = None
    patch: Mapping[str, str | None] = field(default_factory=dict)
    data: Mapping[str, str | None] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    to: str | RandomSite | None = None
    origin: str | RandomSite | None = None
    role: str | None = None
    exit: str | None = None
    force: bool = False
    weight: int = 1
    of: tuple[Step, ...] = ()
    function: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)


# --- the text form

Fields = Mapping[str, Field]

_RANDOM_SCHEMA: Final = record_schema(
    {
        "mode": Field("", one_of(("random",))),
        "of": Field("of", one_of(PLACES), "members of the resource, or all sites."),
    },
    ("mode", "of"),
)


def _random(node: Node) -> RandomSite:
    fields = node.fields(("mode", "of"), required=("mode", "of"))
    fields["mode"].one_of(("random",))
    return RandomSite(of=fields["of"].one_of(PLACES))


PLACE: Final[Kind[str | RandomSite]] = forms(
    Form(str, TEXT, lambda value: isinstance(value, str)),
    Form(
        dict,
        Kind(_random, lambda value: {"mode": "random", "of": value.of}, _RANDOM_SCHEMA),
        lambda value: isinstance(value, RandomSite),
    ),
    otherwise="the name of a site, or {mode: random, of: members}",
)


def _scope(node: Node) -> Selector | str:
    """A scope expression as text (`site-000 & site-001`), or a selector for many sites."""
    if isinstance(node.value, str) and node.value != "all":
        return node.value
    return SELECTOR.read(node)


SCOPE: Final[Kind[Selector | str]] = Kind(
    _scope,
    lambda value: value if isinstance(value, str) else SELECTOR.write(value),
    {"anyOf": [{"type": "string"}, SELECTOR.schema]},
)

_NAME = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"


def _resource(node: Node) -> str:
    """`namespaces/NAME`: what sites share."""
    kind, _, name = node.text().partition("/")
    if kind != "namespaces" or not is_dns1123_label(name):
        raise node.bad(f"{node.shown()} is not supported: write namespaces/NAME with a DNS-1123 name")
    return node.text()


def _object(node: Node) -> str:
    """A shared namespace, or a ConfigMap in one."""
    parts = node.text().split("/")
    inside = len(parts) == 4 and parts[0] == "namespaces" and parts[2] == "configmaps"
    if inside and is_dns1123_label(parts[1]) and re.fullmatch(_NAME, parts[3]):
        return node.text()
    if len(parts) == 2:
        return _resource(node)
    raise node.bad(f"{node.shown()} is not supported: write namespaces/NAME, or namespaces/NAME/configmaps/NAME")


RESOURCE: Final[Kind[str]] = Kind(_resource, str, {"type": "string", "pattern": f"^namespaces/{_NAME}$"})
OBJECT: Final[Kind[str]] = Kind(
    _object, str, {"type": "string", "pattern": f"^namespaces/{_NAME}(/configmaps/{_NAME})?$"}
)


def _function(node: Node) -> str:
    module, _, name = node.text().partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), name)):
        raise node.bad(f"{node.shown()} names no function: write package.module:function")
    return node.text()


FUNCTION: Final[Kind[str]] = Kind(
    _function, str, {"type": "string", "pattern": r"^[^\W0-9]\w*(\.[^\W0-9]\w*)*:[^\W0-9]\w*$"}
)

_SHARED: Final = Field("resource", RESOURCE, "namespaces/NAME", required=True)
_ANY: Final = Field("resource", OBJECT, "namespaces/NAME, or namespaces/NAME/configmaps/NAME", required=True)
_ON: Final = Field("on", PLACE, "The site whose user acts; default: where the resource was created.")
_PATCH: Final = Field(
    "patch", map_of(or_null(TEXT)), "Labels; null removes. {seq} and {site} are filled in.", required=True
)
_KINDS: Final = Field("kinds", list_of(TEXT), "Kinds of objects that are shared too: configmaps.")
_DATA: Final = map_of(or_null(TEXT))


def _needed(field: Field) -> Field:
    return Field(field.attribute, field.kind, field.doc, required=True)


WHAT: Final[Mapping[str, Fields]] = {
    "create": {
        "resource": _SHARED,
        "on": _needed(_ON),
        "scope": Field("scope", SCOPE, "Members: all, a selector, or site-000 & site-001.", required=True),
        "labels": Field("patch", map_of(or_null(TEXT)), "Of the new namespace."),
        "with": _KINDS,
    },
    "patch": {"resource": _SHARED, "on": _needed(_ON), "patch": _PATCH},
    "update": {"resource": _SHARED, "on": _needed(_ON), "patch": _PATCH},
    "extend": {
        "resource": _SHARED,
        "to": Field("to", PLACE, "The new member.", required=True),
        "on": _ON,
        "with": _KINDS,
        "role": Field("role", one_of(("rw", "ro"))),
    },
    "retract": {
        "resource": _SHARED,
        "from": Field("origin", PLACE, "The member that leaves.", required=True),
        "on": _ON,
        "exit": Field("exit", one_of(("keep", "delete")), "What becomes of its copy; default keep."),
    },
    "reattach": {
        "resource": _SHARED,
        "to": Field("to", PLACE, "The new owner.", required=True),
        "on": _ON,
        "force": Field("force", TRUTH, "Seize the ownership, whatever the old owner says."),
    },
    "destroy": {"resource": _SHARED, "on": _ON},
    "get": {"resource": _ANY, "on": _needed(_ON)},
    "list": {"resource": _SHARED, "on": _needed(_ON)},
    "apply": {
        "resource": Field("resource", OBJECT, "namespaces/NAME/configmaps/NAME", required=True),
        "on": _needed(_ON),
        "data": Field("data", _DATA, "Of the ConfigMap; null removes.", required=True),
    },
    "delete": {"resource": _ANY, "on": _needed(_ON)},
    "call": {
        "function": Field("function", FUNCTION, "package.module:function, an async function.", required=True),
        "on": _needed(_ON),
        "resource": Field("resource", OBJECT, "What it is about, for `on: {of: members}` and for the checks."),
        "arguments": Field("arguments", map_of(TEXT), "Given to the function; {seq} and {site} are filled in."),
    },
}
"""Verb -> the fields that a step with it has, beside its times."""

VERBS: Final = tuple(WHAT)

WHEN: Final[Fields] = {
    "at": Field("at_s", DURATION, "When; default 0s."),
    "every": Field("every_s", DURATION, "Again and again."),
    "jitter": Field("jitter_s", DURATION, "Each occurrence comes up to so much later."),
    "until": Field("until_s", DURATION, "No occurrence after this; default: the quiet period."),
}
_WEIGHT: Final[Fields] = {"weight": Field("weight", count(1, 1000), "Drawn so many times as often; default 1.")}


def _making(verb: str, fields: Fields, extra: Fields) -> Kind[Step]:
    def make(**given: object) -> Step:
        return Step(do=verb, **given)  # type: ignore[arg-type]  # the fields' kinds have judged them

    return record(make, {**extra, **fields}, check=_check)


def _check(step: Step, nodes: Mapping[str, Node]) -> None:
    if step.every_s == 0:
        raise nodes["every"].bad("0s would repeat for ever: give a longer interval")
    for name in ("jitter", "until"):
        if name in nodes and step.every_s is None:
            raise nodes[name].bad(f"{name} has a meaning only beside every: add every, or leave it out")
    if step.until_s is not None and step.until_s < step.at_s:
        raise nodes["until"].bad(f"ends before the step begins at {step.at_s:g}s: make it later")
    if step.do == "apply" and "/configmaps/" not in step.resource:
        raise nodes["resource"].bad(f"{step.resource!r} is no ConfigMap: write namespaces/NAME/configmaps/NAME")
    if step.do == "call" and not step.resource and isinstance(step.on, RandomSite) and step.on.of == "members":
        raise nodes["on"].bad("members of what? add resource, or write of: all")


def _verb_of(value: object) -> str:
    return value.do if isinstance(value, Step) else repr(value)


_CHOICE: Final[Kind[Step]] = tagged(
    "do", {verb: _making(verb, fields, _WEIGHT) for verb, fields in WHAT.items() if verb != "create"}, _verb_of
)
_MIX: Final[Fields] = {
    "of": Field("of", list_of(_CHOICE, least=1), "One is drawn each time, by weight.", required=True)
}
STEP: Final[Kind[Step]] = tagged(
    "do", {verb: _making(verb, fields, WHEN) for verb, fields in {**WHAT, "mix": _MIX}.items()}, _verb_of
)


def shared_part(resource: str) -> str:
    """The shared namespace that a step is about: `namespaces/shared` of `namespaces/shared/configmaps/settings`."""
    return "/".join(resource.split("/")[:2])
