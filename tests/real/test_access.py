"""Decisions and refusals are those of the real server: see access.py, which asks more."""

from __future__ import annotations

import pytest

from tests.real import start
from tests.real.access import Server, compare, own_server
from tests.recordings.http_target import HttpTarget


@pytest.mark.real
def test_the_same_people_may_do_the_same_things(real_apiserver: start.RealApiserver) -> None:
    real = Server(HttpTarget(real_apiserver.url, real_apiserver.token), real_apiserver.token)
    tally = compare(real, own_server(), requests=600, at=11, run="t")
    assert not tally.differing, "\n".join(tally.differing)
    assert tally.codes[403] > 100
    assert sum(count for code, count in tally.codes.items() if code in (200, 201)) > 50
