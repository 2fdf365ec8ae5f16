"""The built-in Toxiproxy answers as the real one does."""

from __future__ import annotations

import pytest

from chaos.toxiproxy.thread import ThreadedToxiproxy
from tests.differential.toxiproxy_compare import compare_all, quiet_port
from tests.real import start

pytestmark = pytest.mark.real


def test_api_requests_get_equal_answers(
    real_toxiproxy: start.RealToxiproxy, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadedToxiproxy() as ours:
        totals = compare_all(real_toxiproxy.url, ours, port=quiet_port(), seeds=range(10))
    with capsys.disabled():
        print(f"\n{totals}")
    assert not totals.unlisted, "\n".join(map(str, totals.unlisted))
