"""The exhibits: for each incident's scenario the naive agent that has its bug, and the check that must see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chaos.checks.catalog import run_checks
from chaos.checks.finding import Finding, Verdict, overall
from chaos.scenario import library
from chaos.scenario.compile import compile_scenario
from chaos.worlds.rehearsal import rehearse
from chaos.worlds.virtual import AgentClass, collab_agent
from tests.museum.admiralty_149 import ForgetsWhoLeft
from tests.museum.capi_move_457 import MakesAnewWhatMoved
from tests.museum.cheops_double_run import RunsWhatItIsSent
from tests.museum.cheops_hash_wins import GreaterHashWins
from tests.museum.clusternet_300 import DeletesOnce
from tests.museum.etcd_restore import BelievesItsCopy
from tests.museum.karmada_3167 import NeverStandsDown
from tests.museum.karmada_3728 import DeletesEverywhere
from tests.museum.karmada_5150 import EvictsTheSilent
from tests.museum.kubeedge_4429 import TakesSilenceForAbsence
from tests.museum.kubefed_618 import UpdatesOrCreates
from tests.museum.lighthouse_957 import NamesAreIdentity
from tests.museum.liqo_1846 import RetractDeletes
from tests.museum.liqo_3051 import AsksBeforeItLeaves
from tests.museum.liqo_3268 import WaitsForItsPeer
from tests.museum.mcs_api_119 import TrustsTheClock
from tests.museum.ocm_632 import ForgetsItsDebts
from tests.museum.pulumi_1379 import TakesErrorsForAbsence
from tests.museum.rancher_34932 import PassesDeletesOn
from tests.museum.sveltos_544 import CopiesOwners


@dataclass(frozen=True, slots=True)
class Exhibit:
    """`check` must find the naive agent invalid, and `reason` stands in what it says."""

    naive: AgentClass
    check: str
    reason: str


EXHIBITS: Final[Mapping[str, Exhibit]] = {
    "karmada-5150": Exhibit(EvictsTheSilent, "placed-at-members", "no copy of namespaces/far-pasture at site-003"),
    "karmada-3167": Exhibit(NeverStandsDown, "one-owner", "2 sites act as owner: site-000, site-001"),
    "karmada-3728": Exhibit(DeletesEverywhere, "placed-at-members", "at site-000, site-001, site-003"),
    "rancher-34932": Exhibit(
        PassesDeletesOn, "placed-at-members", "no copy of namespaces/smithy at site-000, site-003"
    ),
    "kubeedge-4429": Exhibit(TakesSilenceForAbsence, "placed-at-members", "at site-001, site-002, site-003"),
    "pulumi-1379": Exhibit(TakesErrorsForAbsence, "members-agreed", "no record of namespaces/rain-gauge at site-002"),
    "liqo-1846": Exhibit(RetractDeletes, "kept-after-retract", "no copy of namespaces/beehives at site-003"),
    "liqo-3051": Exhibit(AsksBeforeItLeaves, "leaving-needs-nobody", "site-002 could not leave by itself"),
    "liqo-3268": Exhibit(WaitsForItsPeer, "deletions-finish", "w2 deleted namespaces/quay at site-002"),
    "clusternet-300": Exhibit(DeletesOnce, "placed-at-members", "a copy of namespaces/old-barn at site-003"),
    "ocm-632": Exhibit(ForgetsItsDebts, "placed-at-members", "a copy of namespaces/lime-kiln at site-003"),
    "kubefed-618": Exhibit(UpdatesOrCreates, "placed-at-members", "a copy of namespaces/peat-shed at site-003"),
    "admiralty-149": Exhibit(ForgetsWhoLeft, "placed-at-members", "a copy of namespaces/moorings at site-003"),
    "lighthouse-957": Exhibit(NamesAreIdentity, "namesakes-kept-apart", "labels/lamp='white' at site-003"),
    "sveltos-544": Exhibit(CopiesOwners, "placed-at-members", "no copy of namespaces/gardens at site-001"),
    "capi-move-457": Exhibit(MakesAnewWhatMoved, "copies-not-remade", "the copy at site-002"),
    "etcd-restore": Exhibit(BelievesItsCopy, "no-resurrection", "w1 removed labels/dust='thick', and it is back"),
    "mcs-api-119": Exhibit(TrustsTheClock, "converged", "'green' at 3 sites, but 'amber' at site-003"),
    "cheops-hash-wins": Exhibit(GreaterHashWins, "no-lost-acknowledged-write", "labels/crop='clover'"),
    "cheops-double-run": Exhibit(RunsWhatItIsSent, "converged", "'open' at 3 sites, but 'ajar' at site-003"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the checks say of one agent in one scenario."""

    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        return overall(self.findings)

    def says(self, check: str) -> Finding:
        """The finding of `check`. Raises StopIteration when the scenario does not claim it."""
        return next(finding for finding in self.findings if finding.check == check)


def show(name: str, agent: AgentClass = collab_agent) -> Shown:
    """Run the scenario with `agent` at every site, in the virtual world."""
    outcome = rehearse(compile_scenario(library.find(name)), agent=agent)
    return Shown(tuple(run_checks(outcome.evidence)))
