"""docs/fixtures.md: each example is a test file that passes, and its tables name what there is."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from chaos.virtual import Link
from chaos.worlds.virtual import World

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parents[2] / "docs" / "fixtures.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

# Loaded before pytester remembers which modules there are: it drops those that an inner run adds.
LOADED = [importlib.import_module(f"pytest_fakekube.{name}") for name in ("loopback", "sites", "worlds")]
# This one cannot be loaded twice.
importlib.import_module("cryptography.x509")


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_passes(pytester: pytest.Pytester, number: int) -> None:
    tests = EXAMPLES[number].count("def test_")
    assert tests > 0
    pytester.makepyfile(EXAMPLES[number])
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    outcomes = result.parseoutcomes()
    assert outcomes.get("passed", 0) + outcomes.get("skipped", 0) == tests
    assert result.ret == 0


def test_the_calls_of_the_tables_exist() -> None:
    kube, sites = LOADED[0].Kube, LOADED[1]
    for name in re.findall(r"`kube\.(\w+)", PAGE):
        assert hasattr(kube, name) or name in kube.__dataclass_fields__
    for name in re.findall(r"`link\.(\w+)", PAGE):
        assert hasattr(sites.SiteLink, name)
    for name in re.findall(r"`sites\.(\w+)", PAGE):
        assert hasattr(sites.KubeSites, name)
    made_in_init = {"sites", "network"}
    for name in set(re.findall(r"`world\.(\w+)", PAGE)) - made_in_init:
        assert hasattr(World, name)
    assert hasattr(Link, "set")
