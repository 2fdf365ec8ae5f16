"""What stories are about: one kind each, with the samples of it that were recorded, and names for its objects."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fakekube.meta.objects import KubeObject
from fakekube.registry.crd.catalog import with_definitions
from fakekube.registry.resources import ResourceType, builtin
from tests.differential.definitions import DEFINITIONS, GROUP, SAMPLES

_SAMPLES = Path(__file__).parents[1] / "recordings/defaults-1.37.json"

# Kinds whose objects do not hold still (a controller or an allocator writes to them behind the story's back), would
# reach into other stories (policies, webhooks, quotas of addresses), or hold a certificate request.
_LEFT_OUT = frozenset(
    [
        "apiservices",
        "certificatesigningrequests",
        "clustertrustbundles",
        "customresourcedefinitions",
        "flowschemas",
        "ipaddresses",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
        "mutatingwebhookconfigurations",
        "podcertificaterequests",
        "prioritylevelconfigurations",
        "reviews",
        "servicecidrs",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "validatingwebhookconfigurations",
    ]
)
# Ports and addresses that two objects cannot have at once.
_FIXED = ("nodePort", "10.0.0.", "healthCheckNodePort")
# Orphaning is the default of these; a controller then takes a moment to let the object go.
_ORPHANING = frozenset(["jobs", "replicationcontrollers"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One kind. `path` is that of the collection, `${ns}` in it where objects live in the story's namespace."""

    resource: ResourceType
    path: str
    samples: tuple[KubeObject, ...]

    def named(self, letter: str) -> str:
        """A name that no other story has."""
        return letter if self.resource.namespaced else f"${{ns}}-{letter}"

    def place(self, letter: str) -> str:
        return f"{self.path}/{self.named(letter)}"

    def own(self, letter: str) -> dict[str, str]:
        """What a list is asked for so that it shows objects of this story alone."""
        return {} if self.resource.namespaced else {"fieldSelector": f"metadata.name={self.named(letter)}"}

    @property
    def orphans(self) -> bool:
        return self.resource.plural in _ORPHANING


@cache
def subjects() -> Mapping[str, Subject]:
    """Every kind that stories are told of, by plural (and version, where a kind has samples of several)."""
    cases: Mapping[str, KubeObject] = json.loads(_SAMPLES.read_text())["cases"]
    kinds: dict[str, list[KubeObject]] = {}
    for name, case in cases.items():
        kinds.setdefault(name.partition("/")[0], []).append(case)
    return {kind: _subject(kinds[kind]) for kind in sorted(kinds) if kind not in _LEFT_OUT} | dict(_custom_subjects())


def _custom_subjects() -> Iterator[tuple[str, Subject]]:
    """Each version of a custom resource, three times: they have as much to say as a family of kinds."""
    catalog = with_definitions(builtin(), [_established(each) for each in DEFINITIONS])
    for (version, plural), bodies in SAMPLES.items():
        resource = catalog.find(GROUP, version, plural)
        assert resource is not None
        head = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {}}
        scope = "namespaces/${ns}/" if resource.namespaced else ""
        path = f"/apis/{GROUP}/{version}/{scope}{plural}"
        subject = Subject(resource=resource, path=path, samples=tuple({**head, **body} for body in bodies))
        yield from ((f"{plural}.{version}-{turn}", subject) for turn in "123")


def _established(definition: KubeObject) -> KubeObject:
    conditions = [{"type": "Established", "status": "True"}]
    return {**definition, "status": {"conditions": conditions, "acceptedNames": definition["spec"]["names"]}}


def _subject(cases: list[KubeObject]) -> Subject:
    path = str(cases[0]["path"]).replace("/gold/", "/${ns}/")
    resource = _resource_at(path)
    return Subject(resource=resource, path=path, samples=tuple(_usable(case["sent"] for case in cases)))


def _resource_at(path: str) -> ResourceType:
    segments = path.strip("/").split("/")
    group, version = ("", segments[1]) if segments[0] == "api" else (segments[1], segments[2])
    found = builtin().find(group, version, segments[-1])
    assert found is not None, path
    return found


def _usable(sent: Iterator[KubeObject]) -> Iterator[KubeObject]:
    for sample in sent:
        if sample.get("kind") and not any(fixed in json.dumps(sample) for fixed in _FIXED):
            yield json.loads(json.dumps(copy.deepcopy(sample)).replace('"gold"', '"${ns}"'))
