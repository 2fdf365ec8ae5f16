"""docs/conformance.md and the lists behind it say the same."""

from __future__ import annotations

import json

from fakekube.testing import bodies
from tests.conformance.e2e import CENSUS, must_pass
from tests.conformance.page import PAGE


def test_the_page_has_a_row_for_every_body() -> None:
    rows = {line.split("`")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")}
    assert {each.name for each in bodies()} <= rows, "run python -m tests.conformance.page"


def test_what_must_pass_has_passed_and_is_named_once() -> None:
    passed = {each["name"] for each in json.loads(CENSUS.read_text()) if each["state"] == "passed"}
    names = must_pass()
    assert len(names) == len(set(names)) > 90
    assert set(names) <= passed
