"""What kubectl prints for a fresh site and for a running kube-apiserver, side by side."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.kubectls import Kubectl
from tests.real.start import RealApiserver

pytestmark = pytest.mark.real


@pytest.fixture
def real(kubectl: Kubectl, real_apiserver: RealApiserver, tmp_path: Path) -> Kubectl:
    """The same kubectl, talking to the real server."""
    return replace(kubectl, kubeconfig=Path(real_apiserver.kubeconfig), cache=tmp_path / "real-cache")


def fields(explained: str) -> list[str]:
    """The lines of `kubectl explain --recursive` behind the words: kind, version, fields and their types."""
    head, _, listed = explained.partition("FIELDS:")
    named = [line for line in head.splitlines() if re.match(r"(GROUP|KIND|VERSION|FIELD):", line)]
    return [*named, *(line.rstrip() for line in listed.splitlines() if line.strip())]


@pytest.mark.parametrize("place", ["deploy.spec.strategy", "pod.spec.volumes", "svc", "hpa.spec", "ingress.spec.rules"])
def test_explain_tells_the_same_fields(kubectl: Kubectl, real: Kubectl, place: str) -> None:
    ours, theirs = (fields(each("explain", place, "--recursive")) for each in (kubectl, real))
    assert ours == theirs


def test_api_resources_are_the_same(kubectl: Kubectl, real: Kubectl) -> None:
    options = ("api-resources", "-o", "wide", "--sort-by=name")
    assert kubectl(*options).splitlines() == real(*options).splitlines()


def test_api_versions_are_the_same(kubectl: Kubectl, real: Kubectl) -> None:
    assert kubectl("api-versions") == real("api-versions")
