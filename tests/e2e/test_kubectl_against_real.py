"""What kubectl prints for a fresh site and for a running kube-apiserver, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fakekube.registry.resources import ResourceType, builtin
from tests.e2e.kubectls import Kubectl
from tests.real.start import RealApiserver

pytestmark = pytest.mark.real

Arguments = Sequence[str]
AT_ONCE = 2
PLACES = (
    "deploy.spec.strategy",
    "deploy.spec.strategy.rollingUpdate",
    "pod.metadata",
    "pod.spec",
    "pod.spec.containers",
    "pod.spec.containers.resources",
    "pod.spec.volumes",
    "pod.status.containerStatuses.state",
    "svc.spec.ports",
    "hpa.spec.metrics",
    "ingress.spec.rules.http.paths.backend",
    "job.spec.template.spec",
    "networkpolicy.spec.ingress",
    "crd.spec.versions.schema.openAPIV3Schema",
    "node.status",
    "role.rules",
    "validatingadmissionpolicy.spec",
)
LISTS: tuple[Arguments, ...] = (
    ("api-versions",),
    ("api-resources",),
    ("api-resources", "-o", "wide"),
    ("api-resources", "-o", "wide", "--sort-by=name"),
    ("api-resources", "-o", "name", "--sort-by=kind"),
    ("api-resources", "--verbs=list,patch", "--namespaced=true"),
    ("api-resources", "--namespaced=false", "--no-headers"),
    ("api-resources", "--api-group=apps"),
    ("api-resources", "--categories=all"),
)


@pytest.fixture
def real(kubectl: Kubectl, real_apiserver: RealApiserver, tmp_path: Path) -> Kubectl:
    """The same kubectl, talking to the real server."""
    return replace(kubectl, kubeconfig=Path(real_apiserver.kubeconfig), cache=tmp_path / "real-cache")


class Compared:
    """The same commands for both; what is not equal by `told` is kept by its arguments."""

    def __init__(self, ours: Kubectl, real: Kubectl) -> None:
        self._both = (ours, real)
        for each in self._both:
            each("api-versions")  # so that what runs at once finds a filled cache

    def differing(self, commands: Sequence[Arguments]) -> dict[str, tuple[str, str]]:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            printed = list(threads.map(self._printed, commands))
        equal = sum(mine == theirs for mine, theirs in printed)
        print(f"{len(commands)} commands, {equal} equal to the byte")
        pairs = zip(commands, printed, strict=True)
        return {" ".join(command): both for command, both in pairs if told(both[0]) != told(both[1])}

    def _printed(self, command: Arguments) -> tuple[str, str]:
        mine, theirs = (each(*command) for each in self._both)
        return mine, theirs


def told(explained: str) -> list[str]:
    """All lines but those on what the values of an enumeration mean, which nobody publishes; and no empty ones."""
    return list(_without_meanings(line.rstrip() for line in explained.splitlines()))


def _without_meanings(lines: Iterator[str]) -> Iterator[str]:
    within = False
    for line in lines:
        within = bool(line) and (within or line.endswith("Possible enum values:"))
        if line and not within:
            yield line


def of(resource: ResourceType) -> Arguments:
    return ("explain", resource.plural, f"--api-version={resource.api_version}")


@pytest.mark.slow
def test_explain_tells_the_same_of_every_kind_and_of_all_below_it(kubectl: Kubectl, real: Kubectl) -> None:
    compared = Compared(kubectl, real)
    assert compared.differing([(*of(resource), "--recursive") for resource in builtin()]) == {}


@pytest.mark.slow
def test_explain_tells_the_same_of_every_kind_and_of_fields_within(kubectl: Kubectl, real: Kubectl) -> None:
    compared = Compared(kubectl, real)
    places = [("explain", place) for place in PLACES] + [("explain", place, "--recursive") for place in PLACES]
    assert compared.differing([*map(of, builtin()), *places]) == {}


def test_explain_of_a_strategy_with_all_below_it_is_equal_to_the_byte(kubectl: Kubectl, real: Kubectl) -> None:
    command = ("explain", "deploy.spec.strategy", "--recursive")
    assert kubectl(*command) == real(*command)


def test_explain_from_version_2_tells_the_same(kubectl: Kubectl, real: Kubectl) -> None:
    old = "--output=plaintext-openapiv2"
    places: list[Arguments] = [
        ("explain", place, old, "--recursive") for place in ("pod", "deploy.spec", "svc.spec", "ingress.spec")
    ]
    places += [("explain", place, old) for place in ("deploy", "role.rules", "pod.spec.volumes", "svc")]
    assert Compared(kubectl, real).differing(places) == {}


def test_lists_of_resources_and_versions_are_equal(kubectl: Kubectl, real: Kubectl) -> None:
    assert Compared(kubectl, real).differing(LISTS) == {}
