"""A scenario file (YAML or JSON) or mapping, read strictly: what is not understood is refused, never ignored."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from chaos.checks.catalog import CHECKS
from chaos.scenario.errors import BadScenario
from chaos.scenario.faults import read_fault
from chaos.scenario.model import API_VERSION, Claim, Phase, Quiet, Scenario
from chaos.scenario.node import Node, nearest
from chaos.scenario.topology import Links, read_links, read_sites
from chaos.scenario.workload import read_step
from fakekube.meta.names import is_dns1123_label

FILE_MAX_BYTES = 4 * 1024 * 1024

_SPEC = ("seed", "duration", "sites", "links", "workload", "faults", "quiet", "check")


def read_file(path: Path) -> Scenario:
    """Raises BadScenario for a file that cannot be read, is no YAML, or is no scenario."""
    return read_text(read_content(path), str(path))


def read_content(path: Path) -> str:
    """The text of a file of ours. Raises BadScenario when it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_MAX_BYTES + 1)
        if len(content) > FILE_MAX_BYTES:
            raise BadScenario(str(path), "", f"larger than {FILE_MAX_BYTES} bytes: no scenario is")
        return content.decode()
    except OSError as error:
        raise BadScenario(
            str(path), "", f"{error.strerror}: name a scenario of `fakekube scenarios`, or a file"
        ) from None
    except UnicodeDecodeError as error:
        raise BadScenario(str(path), "", f"byte {error.start} is no UTF-8: save the file as UTF-8 text") from None


def read_text(text: str, source: str) -> Scenario:
    """YAML, of which JSON is a part."""
    try:
        document = yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as error:
        raise BadScenario(source, "", _yaml_problem(error)) from None
    return read_value(document, source)


class _StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # C where PyYAML has it
    """YAML 1.1 reads a bare `on` as true, and takes the last of two equal keys silently; a scenario means neither."""


def _unique_mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[object, object]:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.value in seen:
            raise yaml.MarkedYAMLError(problem=f"{key.value!r} stands here twice", problem_mark=key.start_mark)
        seen.add(str(key.value))
    mapping: dict[object, object] = loader.construct_mapping(node, deep=True)
    return mapping


_BOOL = "tag:yaml.org,2002:bool"
_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver(_BOOL, re.compile("true|false"), list("tf"))
_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def _yaml_problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return " ".join(str(error).split())


def read_value(document: object, source: str = "scenario") -> Scenario:
    """A scenario from parsed YAML or JSON. Raises BadScenario."""
    root = Node(source, "$", document).fields(
        ("apiVersion", "kind", "metadata", "spec"), required=("apiVersion", "kind", "metadata", "spec")
    )
    root["apiVersion"].one_of((API_VERSION,))
    root["kind"].one_of(("Scenario",))
    metadata = root["metadata"].fields(("name", "description"), required=("name",))
    spec = root["spec"].fields(_SPEC, required=("duration", "sites", "quiet"), later=("nemesis",))
    return Scenario(
        name=_name(metadata["name"]),
        description=metadata["description"].text() if "description" in metadata else "",
        source=source,
        seed=spec["seed"].count(0) if "seed" in spec else 0,
        duration_s=spec["duration"].seconds(),
        sites=read_sites(spec["sites"]),
        links=read_links(spec["links"]) if "links" in spec else Links(),
        workload=tuple(read_step(item) for item in spec["workload"].items()) if "workload" in spec else (),
        faults=tuple(read_fault(item) for item in spec["faults"].items()) if "faults" in spec else (),
        quiet=_read_quiet(spec["quiet"]),
        claims=_read_claims(spec["check"]) if "check" in spec else (),
    )


def _name(node: Node) -> str:
    if not is_dns1123_label(node.text()):
        raise node.bad(f"{node.shown()} is no DNS-1123 label: use small letters, digits and '-'")
    return node.text()


def _read_quiet(node: Node) -> Quiet:
    fields = node.fields(("at", "for"), required=("at", "for"))
    return Quiet(at_s=fields["at"].seconds(), for_s=fields["for"].seconds())


def _read_claims(node: Node) -> tuple[Claim, ...]:
    fields = node.fields(("always", "eventually"), later=("sometimes", "slo"))
    phases: tuple[Phase, ...] = ("always", "eventually")
    return tuple(_read_claim(item, phase) for phase in phases if phase in fields for item in fields[phase].items())


def _read_claim(node: Node, phase: Phase) -> Claim:
    """`converged`, or `{converged: namespaces/shared, within: 60s}`."""
    if isinstance(node.value, str):
        return Claim(name=_check_name(node, node.value, phase), phase=phase)
    members = node.value if isinstance(node.value, dict) else {}
    names = [str(name) for name in members if name != "within"]
    if len(names) != 1:
        raise node.bad(f"must be the name of one check, not {node.shown()}: {_known(phase)}")
    fields = node.fields((_check_name(node, names[0], phase), "within"))
    return Claim(
        name=names[0],
        phase=phase,
        resource=fields[names[0]].text(),
        within_s=fields["within"].seconds() if "within" in fields else None,
    )


def _check_name(node: Node, name: str, phase: Phase) -> str:
    known = [check for check in sorted(CHECKS) if CHECKS[check].phase == phase]
    if name not in known:
        elsewhere = f" (it belongs under {CHECKS[name].phase})" if name in CHECKS else ""
        raise node.bad(f"unknown check {name!r}{elsewhere}: {nearest(name, known)}")
    return name


def _known(phase: Phase) -> str:
    return ", ".join(name for name in sorted(CHECKS) if CHECKS[name].phase == phase)
