"""The built-in Toxiproxy moves bytes and closes connections as the kit says; tests/differential asks the real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chaos.toxiproxy.thread import ThreadedToxiproxy
from tests.differential.toxiproxy_traffic import EXPECTED, OURS_ALONE, Case, Seen, proxied


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadedToxiproxy(metrics=True) as url:
        yield url


@pytest.mark.parametrize(
    ("case", "expected"), {**EXPECTED, **OURS_ALONE}.items(), ids=lambda value: getattr(value, "__name__", "")
)
def test_traffic(url: str, case: Case, expected: Seen) -> None:
    with proxied(url, case.__name__) as proxy:
        assert case(proxy) == expected
