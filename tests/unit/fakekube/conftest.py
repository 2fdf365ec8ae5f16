"""Fixtures of the apiserver's tests."""

from __future__ import annotations

import pytest

from tests.unit.fakekube.sites import Site


@pytest.fixture
def site() -> Site:
    """A fresh site with its core controllers, all of its first work done."""
    fresh = Site()
    fresh.settle()
    return fresh


@pytest.fixture
def bare() -> Site:
    """A fresh site without controllers."""
    return Site(controllers="none")
