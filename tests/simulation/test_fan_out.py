"""One site extends what it has to 199 others within two seconds, a quarter of them cut off at that moment."""

from __future__ import annotations

import pytest

from chaos.runner import run
from chaos.scenario.faults import Partition
from chaos.scenario.model import Claim, Quiet, Scenario
from chaos.scenario.selector import Selector
from chaos.scenario.topology import Sites
from chaos.scenario.workload import Step
from chaos.worlds.staging import Staging

SQUARE = "namespaces/market-square"
SITES = Sites(count=200)
FIRST, *OTHERS = SITES.names()
FAR = tuple(OTHERS[150:])

FAN_OUT = Scenario(
    name="fan-out",
    sites=SITES,
    duration_s=180,
    quiet=Quiet(at_s=40, for_s=140),
    workload=(
        Step(do="create", resource=SQUARE, on=FIRST, scope=FIRST, patch={"stalls": "two"}),
        *(
            Step(do="extend", resource=SQUARE, on=FIRST, to=site, at_s=6 + number / 100)
            for number, site in enumerate(OTHERS)
        ),
        Step(do="patch", resource=SQUARE, on=FIRST, at_s=12, patch={"stalls": "three"}),
    ),
    faults=(Partition(at_s=4, duration_s=20, selector=Selector(sites=FAR), target=Selector(excluded=FAR)),),
    claims=(
        Claim(name="no-lost-acknowledged-write", phase="always"),
        Claim(name="converged", phase="eventually", within_s=120),
        Claim(name="members-agreed", phase="eventually"),
        Claim(name="placed-at-members", phase="eventually"),
        Claim(name="one-owner", phase="eventually"),
        Claim(name="operation-pending", phase="sometimes"),
    ),
)


@pytest.mark.slow
def test_all_of_two_hundred_sites_get_their_copy() -> None:
    report = run(FAN_OUT, staging=Staging(wire=False))
    assert [finding for finding in report.findings if finding.verdict != "valid"] == []
    assert report.members == 200
