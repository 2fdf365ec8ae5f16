"""A site that asks, for every test of this folder."""

from __future__ import annotations

import pytest

from tests.unit.fakekube.security.secured import Secured


@pytest.fixture
def secured() -> Secured:
    return Secured()
