"""What users do during a scenario: operations on shared namespaces, each at one site, once or again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from chaos.scenario.node import Node
from chaos.scenario.selector import Selector, read_selector
from fakekube.meta.names import is_dns1123_label


class VerbFields(NamedTuple):
    """Fields that a step with this verb must have, and those it may have."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


VERBS: Mapping[str, VerbFields] = {
    "create": VerbFields(("on", "scope"), ("labels", "with")),
    "patch": VerbFields(("on", "patch")),
    "update": VerbFields(("on", "patch")),
    "extend": VerbFields(("to",), ("on", "with", "role")),
    "retract": VerbFields(("from",), ("on", "exit")),
    "reattach": VerbFields(("to",), ("on", "force")),
    "destroy": VerbFields((), ("on",)),
}
VERBS_LATER = ("delete", "call", "expose", "get", "list")
PLACES = ("members", "all")

_ALWAYS = ("do", "resource", "at", "every", "jitter", "until")


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSite:
    """One site drawn anew for every occurrence: of the resource's members, or of all sites."""

    of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operation of the workload.

    `on` is the site whose user acts (default: where the resource was created). `scope` names the members of a created
    resource. `patch` maps label keys to values, None removes; `{seq}` in a value is the number of the occurrence and
    `{site}` the acting site. With `every_s` the step repeats from `at_s` until `until_s` (default: the quiet period), each time
    up to `jitter_s` later.
    """

    do: str
    resource: str
    at_s: float = 0.0
    every_s: float | None = None
    jitter_s: float = 0.0
    until_s: float | None = None
    on: str | RandomSite | None = None
    scope: Selector | str | None = None
    patch: Mapping[str, str | None] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    to: str | None = None
    origin: str | None = None
    role: str | None = None
    exit: str | None = None
    force: bool = False


def read_step(node: Node) -> Step:
    """Raises BadScenario for what is no step."""
    verb = _verb(node)
    rule = VERBS[verb]
    fields = node.fields((*_ALWAYS, *rule.required, *rule.optional), required=("do", "resource", *rule.required))
    patch = fields.get("patch") or fields.get("labels")
    step = Step(
        do=verb,
        resource=_resource(fields["resource"]),
        at_s=_seconds(fields.get("at")) or 0.0,
        every_s=_seconds(fields.get("every")),
        jitter_s=_seconds(fields.get("jitter")) or 0.0,
        until_s=_seconds(fields.get("until")),
        on=_read_place(fields["on"]) if "on" in fields else None,
        scope=_read_scope(fields["scope"]) if "scope" in fields else None,
        patch=_read_patch(patch) if patch is not None else {},
        kinds=tuple(item.text() for item in fields["with"].items()) if "with" in fields else (),
        to=_text(fields.get("to")),
        origin=_text(fields.get("from")),
        role=fields["role"].one_of(("rw", "ro")) if "role" in fields else None,
        exit=fields["exit"].one_of(("keep", "delete")) if "exit" in fields else None,
        force=fields["force"].truth() if "force" in fields else False,
    )
    _check_repetition(step, fields)
    return step


def _verb(node: Node) -> str:
    members = node.value if isinstance(node.value, dict) else {}
    if "do" not in members:
        raise node.bad(f"do is missing: one of {', '.join(VERBS)}")
    return Node(node.source, f"{node.path}.do", members["do"]).one_of(tuple(VERBS), later=VERBS_LATER)


def _check_repetition(step: Step, fields: Mapping[str, Node]) -> None:
    if step.every_s == 0:
        raise fields["every"].bad("0s would repeat for ever: give a longer interval")
    for name in ("jitter", "until"):
        if name in fields and step.every_s is None:
            raise fields[name].bad(f"{name} has a meaning only beside every: add every, or leave it out")
    if step.until_s is not None and step.until_s < step.at_s:
        raise fields["until"].bad(f"ends before the step begins at {step.at_s:g}s: make it later")


def _resource(node: Node) -> str:
    """`namespaces/NAME`: the pilot resource."""
    kind, _, name = node.text().partition("/")
    if kind != "namespaces" or not is_dns1123_label(name):
        raise node.bad(f"{node.shown()} is not supported: write namespaces/NAME with a DNS-1123 name")
    return node.text()


def _read_place(node: Node) -> str | RandomSite:
    if isinstance(node.value, str):
        return node.value
    fields = node.fields(("mode", "of"), required=("mode", "of"))
    fields["mode"].one_of(("random",))
    return RandomSite(of=fields["of"].one_of(PLACES))


def _read_scope(node: Node) -> Selector | str:
    """A scope expression as text (`site-000 & site-001`), or a selector for many sites."""
    if isinstance(node.value, str) and node.value != "all":
        return node.value
    return read_selector(node)


def _read_patch(node: Node) -> dict[str, str | None]:
    return {
        name: None if value is None else node.member(name, value).text()
        for name, value in (node.value.items() if isinstance(node.value, dict) else node.texts_by_name().items())
    }


def _seconds(node: Node | None) -> float | None:
    return None if node is None else node.seconds()


def _text(node: Node | None) -> str | None:
    return None if node is None else node.text()
