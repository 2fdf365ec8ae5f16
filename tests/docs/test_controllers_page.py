"""docs/controllers.md: its Python runs, and its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

from fakekube.controllers import STAGES
from fakekube.controllers.kubelet import UNSCHEDULABLE
from fakekube.controllers.pod_moves import FAILURES
from fakekube.controllers.stages import DELAYS, FAILS

PAGE = (Path(__file__).parents[2] / "docs" / "controllers.md").read_text()


def test_every_example_runs() -> None:
    names: dict[str, object] = {}
    examples = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        exec(example, names)


def test_the_stages_are_those_there_are() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \| (\w+)[^|]*\| `(\w+)`[^|]*\| ([0-9.]+)", PAGE, re.MULTILINE)
    found = {(name, when, move, float(delay_s)) for name, when, move, delay_s in rows}
    assert found == {(each.name, each.when, each.move, each.delay_s) for each in STAGES.stages}


def test_every_failure_is_named() -> None:
    assert all(f"`{each}`" in PAGE for each in (*FAILURES, UNSCHEDULABLE, "exit N"))
    assert DELAYS in PAGE
    assert FAILS in PAGE
