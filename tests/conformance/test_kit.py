"""The public conformance kit on its arms: the core, a served site, and the real apiserver, which is what the bodies claim."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakekube.testing import Access, Body, CoreArm, HttpArm, bodies, cluster_arm, served_site, suite
from fakekube.testing.kit import Outcome, Result, outcome
from tests.real import start

test_core = suite(CoreArm.fresh)


@pytest.fixture(scope="module")
def http() -> Iterator[HttpArm]:
    with served_site() as url:
        arm = HttpArm(Access(url=url))
        yield arm
        arm.close()


@pytest.fixture(scope="module")
def real(real_apiserver: start.RealApiserver) -> Iterator[HttpArm]:
    arm = cluster_arm(Path(real_apiserver.kubeconfig))
    yield arm
    arm.close()


def judged(found: Result) -> None:
    if found.outcome in (Outcome.SKIPPED, Outcome.DIFFERS):
        pytest.skip(found.detail)
    assert found.outcome is Outcome.OK, f"{found.body.title}: {found.detail}"


@pytest.mark.parametrize("body", bodies(), ids=str)
def test_http(body: Body, http: HttpArm) -> None:
    judged(outcome(body, http, "kit"))


@pytest.mark.real
@pytest.mark.parametrize("body", bodies(), ids=str)
def test_real(body: Body, real: HttpArm) -> None:
    """What a body claims of a real apiserver is true of one."""
    judged(outcome(body, real, "kit"))
