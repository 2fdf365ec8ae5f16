"""docs/link-model.md says what a fresh measurement says, and the tests it names exist."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "link-model.md").read_text()
TOOL = ROOT / "tools" / "link_model.py"


def test_every_figure_is_measured_again() -> None:
    page = runpy.run_path(str(TOOL))["page"]()
    assert page.splitlines() == PAGE.splitlines(), f"stale: run `python {TOOL.relative_to(ROOT)}`"


def test_every_row_names_a_test_that_exists() -> None:
    tests = set(
        re.findall(r"^def (test_\w+)", (ROOT / "tests/unit/chaos/virtual/test_link_model.py").read_text(), re.MULTILINE)
    )
    named = re.findall(r"`(test_\w+)`", PAGE)
    assert len(named) >= 20
    assert set(named) <= tests
