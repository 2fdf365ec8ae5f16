"""A small scenario that is right, for tests that make one thing wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.chaos.scenario.right import RIGHT, Document


@pytest.fixture
def document() -> Document:
    return copy.deepcopy(RIGHT)


@pytest.fixture
def change(document: Document) -> Callable[..., Document]:
    """`change("spec", "faults", 0, "at", to="-1s")` gives the document with that one value."""

    def changed(*path: str | int, to: object) -> Document:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to
        return document

    return changed
