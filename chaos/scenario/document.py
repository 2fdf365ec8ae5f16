"""The text form of a scenario: parsed YAML or JSON to a value and back, and the JSON Schema of both.

What is not understood is refused, never ignored. A scenario that was made in Python is judged by the same rules: it is
written as a document and read again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, cast

from chaos.checks import slo
from chaos.checks.catalog import CHECKS
from chaos.scenario.claims import PHASES, Claim, Phase
from chaos.scenario.errors import BadScenario, Source
from chaos.scenario.faults import FAULT
from chaos.scenario.grammar import DURATION, LABEL, TEXT, Field, Kind, Schema, count, list_of, one_of, record
from chaos.scenario.graphs import GRAPH
from chaos.scenario.links import LINKS, Links
from chaos.scenario.model import API_VERSION, Quiet, Scenario
from chaos.scenario.nemesis import NEMESIS
from chaos.scenario.node import Node, clipped, nearest
from chaos.scenario.selector import LINK_SELECTOR, PICK, SELECTOR
from chaos.scenario.spans import SPAN
from chaos.scenario.topology import SITES
from chaos.scenario.workload import OBJECT, PLACE, STEP

TOP: Final = ("apiVersion", "kind", "metadata", "spec")

# --- claims


def names_of(phase: Phase) -> list[str]:
    return [name for name in sorted(CHECKS) if CHECKS[name].phase == phase]


def _claims(phase: Phase) -> Kind[tuple[Claim, ...]]:
    """`converged`, `{converged: namespaces/shared, within: 60s}`, or `{converged: all, within: 60s}`."""
    names = names_of(phase)

    def read(node: Node) -> Claim:
        if isinstance(node.value, str):
            return Claim(name=_check_name(node, node.value, phase), phase=phase)
        members = node.members() if isinstance(node.value, dict) else {}
        named = [name for name in members if name != "within"]
        if len(named) != 1:
            raise node.bad(f"must be the name of one check, not {node.shown()}: {', '.join(names)}")
        name = _check_name(node, named[0], phase)
        within = DURATION.read(members["within"]) if "within" in members else None
        about = members[name]
        resource = None if about.value == "all" else OBJECT.read(about)
        return Claim(name=name, phase=phase, resource=resource, within_s=within)

    def write(claim: Claim) -> object:
        if claim.resource is None and claim.within_s is None:
            return claim.name
        within = {} if claim.within_s is None else {"within": DURATION.write(claim.within_s)}
        return {claim.name: "all" if claim.resource is None else claim.resource, **within}

    mapping = {
        "type": "object",
        "properties": {
            **{name: {"anyOf": [OBJECT.schema, {"const": "all"}]} for name in names},
            "within": DURATION.schema,
        },
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 2,
    }
    return list_of(Kind(read, write, {"anyOf": [{"enum": names}, mapping]}))


def _check_name(node: Node, name: str, phase: Phase) -> str:
    known = names_of(phase)
    if name not in known:
        elsewhere = f" (it belongs under {CHECKS[name].phase})" if name in CHECKS else ""
        raise node.bad(f"unknown check {clipped(name)}{elsewhere}: {nearest(name, known)}")
    return name


def _objectives(node: Node) -> tuple[Claim, ...]:
    """`{local-write-p99: 50ms}`."""
    return tuple(
        Claim(name=_objective(member, name), phase="slo", within_s=DURATION.read(member))
        for name, member in node.members().items()
    )


def _objective(node: Node, name: str) -> str:
    try:
        slo.parse(name)
    except ValueError as error:
        raise node.bad(str(error)) from None
    return name


SLO: Final[Kind[tuple[Claim, ...]]] = Kind(
    _objectives,
    lambda claims: {claim.name: DURATION.write(claim.within_s) for claim in claims},
    {
        "type": "object",
        "patternProperties": {slo.PATTERN: DURATION.schema},
        "additionalProperties": False,
    },
)
_BY_PHASE: Final[Mapping[Phase, Kind[tuple[Claim, ...]]]] = {
    phase: SLO if phase == "slo" else _claims(phase) for phase in PHASES
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """`spec.check`: the claims by their phase."""

    always: tuple[Claim, ...] = ()
    eventually: tuple[Claim, ...] = ()
    sometimes: tuple[Claim, ...] = ()
    slo: tuple[Claim, ...] = ()


_PHASE_DOCS: Final = {
    "always": "Held all the time, as the whole history tells.",
    "eventually": "Holds once all is quiet.",
    "sometimes": "Happens in some run: a sweep that never shows it has proven nothing.",
    "slo": "Percentiles of latencies: local-write-p99: 50ms.",
}
_CHECK: Final = record(_Check, {phase: Field(phase, _BY_PHASE[phase], _PHASE_DOCS[phase]) for phase in PHASES})
CHECK: Final[Kind[tuple[Claim, ...]]] = Kind(
    lambda node: _flat(_CHECK.read(node)),
    lambda claims: _CHECK.write(
        _Check(**{phase: tuple(claim for claim in claims if claim.phase == phase) for phase in PHASES})
    ),
    _CHECK.schema,
)


def _flat(check: _Check) -> tuple[Claim, ...]:
    return (*check.always, *check.eventually, *check.sometimes, *check.slo)


# --- the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metadata:
    name: str
    description: str = ""


_METADATA: Final = record(
    _Metadata,
    {
        "name": Field("name", LABEL, "A DNS-1123 label.", required=True),
        "description": Field("description", TEXT, "What happens and what must hold, for people."),
    },
)
_QUIET: Final = record(
    Quiet,
    {
        "at": Field("at_s", DURATION, "Everything heals and the workload has ended.", required=True),
        "for": Field("for_s", DURATION, "How long the sites have to come to rest.", required=True),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spec:
    """`spec`, member by member as in a Scenario."""

    duration_s: float
    sites: object
    quiet: object
    seed: int = 0
    links: object = field(default_factory=Links)
    workload: tuple[object, ...] = ()
    faults: tuple[object, ...] = ()
    nemeses: tuple[object, ...] = ()
    claims: tuple[object, ...] = ()


_SPEC_FIELDS: Final = {
    "seed": Field("seed", count(0), "Of the schedule; default 0."),
    "duration": Field("duration_s", DURATION, "Of the whole run, the quiet period included.", required=True),
    "sites": Field("sites", SITES, "How many, their names and labels.", required=True),
    "links": Field("links", LINKS, "Which there are, and how good."),
    "workload": Field("workload", list_of(STEP), "What users do."),
    "faults": Field("faults", list_of(FAULT), "What breaks, and when."),
    "nemesis": Field("nemeses", list_of(NEMESIS), "What breaks at random; the compiler draws it."),
    "quiet": Field("quiet", _QUIET, "The end: everything heals, and the sites come to rest.", required=True),
    "check": Field("claims", CHECK, "What must hold."),
}
_SPEC: Final = record(_Spec, _SPEC_FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    apiVersion: str
    kind: str
    metadata: _Metadata
    spec: _Spec


_DOCUMENT: Final = record(
    _Document,
    {
        "apiVersion": Field("apiVersion", one_of((API_VERSION,)), required=True),
        "kind": Field("kind", one_of(("Scenario",)), required=True),
        "metadata": Field("metadata", _METADATA, required=True),
        "spec": Field("spec", _SPEC, required=True),
    },
    doc="A scenario of fakekube: what users do, what breaks meanwhile, and what must hold.",
)


def read_document(document: object, source: Source) -> Scenario:
    """A scenario from parsed YAML or JSON. Raises BadScenario."""
    if not isinstance(document, dict):
        what = "is empty" if document is None else "is no scenario"
        raise BadScenario(
            source.name, "", f"{what}: a scenario is a mapping with {', '.join(TOP)}; docs/scenarios.md shows one"
        )
    read = _DOCUMENT.read(Node(source, "$", document))
    members = {field.attribute: getattr(read.spec, field.attribute) for field in _SPEC_FIELDS.values()}
    return Scenario(
        name=read.metadata.name,
        description=read.metadata.description,
        source=source.name,
        lines=source.lines,
        **members,
    )


def read_value(document: object, source: str = "scenario") -> Scenario:
    """As `read_document`, for a value that no file holds."""
    return read_document(document, Source(source))


def document_of(scenario: Scenario) -> dict[str, object]:
    """What a file of this scenario holds; reading it gives the same scenario."""
    members = {field.attribute: getattr(scenario, field.attribute) for field in _SPEC_FIELDS.values()}
    written = _DOCUMENT.write(
        _Document(
            apiVersion=API_VERSION,
            kind="Scenario",
            metadata=_Metadata(name=scenario.name, description=scenario.description),
            spec=_Spec(**members),
        )
    )
    return cast(dict[str, object], written)


def checked(scenario: Scenario) -> Scenario:
    """The scenario again, every value of it judged as a file's would be. Raises BadScenario.

    What has no text form at all (a set where a tuple belongs) is a TypeError or AttributeError: a mistake in a program.
    """
    read = read_document(document_of(scenario), Source(scenario.source or scenario.name, scenario.lines))
    return replace(read, source=scenario.source)


_DEFINITIONS: Final[Mapping[str, Schema]] = {
    "duration": DURATION.schema,
    "span": SPAN.schema,
    "selector": SELECTOR.schema,
    "links": LINK_SELECTOR.schema,
    "pick": PICK.schema,
    "place": PLACE.schema,
    "graph": GRAPH.schema,
    "step": STEP.schema,
    "fault": FAULT.schema,
    "nemesis": NEMESIS.schema,
}
"""What stands in many places, or is worth a name of its own."""


def schema() -> Schema:
    """The JSON Schema of scenario files, draft 2020-12."""
    whole = _referring(_DOCUMENT.schema)
    definitions = {name: _members_referring(part) for name, part in _DEFINITIONS.items()}
    assert isinstance(whole, dict), "a record"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Scenario",
        **whole,
        "$defs": definitions,
    }


def _referring(part: object) -> object:
    """The same schema with a reference for each of _DEFINITIONS in it."""
    if not isinstance(part, dict):
        return [_referring(one) for one in part] if isinstance(part, list) else part
    plain = {name: value for name, value in part.items() if name != "description"}
    for name, definition in _DEFINITIONS.items():
        if plain == definition:
            doc = {"description": part["description"]} if "description" in part else {}
            return {"$ref": f"#/$defs/{name}", **doc}
    return _members_referring(part)


def _members_referring(part: Schema) -> Schema:
    return {name: _referring(value) for name, value in part.items()}


def schema_text() -> str:
    """The schema as docs/scenario.schema.json and `fakekube schema` have it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"
