"""Many runs in one process: each leaves nothing behind, and a timeline of many events answers as a small one."""

from __future__ import annotations

import gc

from chaos.runner import run
from chaos.scenario import library
from chaos.scenario.compile import compile_scenario
from chaos.worlds.staging import Staging
from collab.record.document import Document


def documents_alive() -> int:
    gc.collect()
    return sum(isinstance(each, Document) for each in gc.get_objects())


def test_a_run_leaves_no_document_behind_also_of_sites_that_crashed() -> None:
    before = documents_alive()
    for name in ("partition-e", "owner-crash"):
        run(name, staging=Staging(wire=False))
    assert documents_alive() == before


def test_the_cuts_at_a_site_are_those_that_name_it() -> None:
    timeline = compile_scenario(library.find("partition-e"))
    expected = {
        site: tuple(cut for cut in timeline.cuts() if site in (cut.origin, cut.target)) for site in timeline.sites
    }
    assert {site: timeline.cuts_at(site) for site in timeline.sites} == expected
    assert all(expected.values())
