"""The scenarios that ship with the package, by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from chaos.scenario.errors import BadScenario
from chaos.scenario.model import Scenario
from chaos.scenario.node import nearest
from chaos.scenario.read import read_file

FOLDER = Path(__file__).parent.parent / "scenarios"


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def shipped() -> Iterator[Scenario]:
    return (read_file(FOLDER / f"{name}.yaml") for name in names())


def find(scenario: str) -> Scenario:
    """The shipped scenario of that name, or the one in that file. Raises BadScenario when it is neither."""
    if scenario in names():
        return read_file(FOLDER / f"{scenario}.yaml")
    if "/" in scenario or "." in scenario or Path(scenario).exists():
        return read_file(Path(scenario))
    raise BadScenario(scenario, "", f"is neither a file nor a shipped scenario: {nearest(scenario, names())}")
