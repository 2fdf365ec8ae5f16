"""docs/scenarios.md: its example compiles, and its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

from chaos.checks.catalog import CHECKS
from chaos.scenario.compile import compile_scenario
from chaos.scenario.faults import EFFECTS, MODES
from chaos.scenario.nemesis import TARGETS
from chaos.scenario.read import read_text
from chaos.scenario.workload import VERBS

PAGE = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text()


def example() -> str:
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_compiles() -> None:
    timeline = compile_scenario(read_text(example(), "docs/scenarios.md"))
    assert timeline.members() == {"namespaces/harvest": ("site-000", "site-001")}


def test_every_check_verb_and_mode_is_described() -> None:
    assert {(phase, name) for phase, name in re.findall(r"\| (always|eventually|sometimes) \| `([a-z-]+)`", PAGE)} == {
        (check.phase, name) for name, check in CHECKS.items()
    }
    for word in (*VERBS, *MODES, *EFFECTS, *TARGETS):
        assert f"`{word}`" in PAGE
