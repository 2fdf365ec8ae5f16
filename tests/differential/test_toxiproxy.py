"""The built-in Toxiproxy answers as the real one does, and the real one does what the kit expects of both."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from chaos.toxiproxy.driver import Links
from chaos.toxiproxy.thread import ThreadedToxiproxy
from tests.differential.toxiproxy_compare import compare_all, quiet_port
from tests.differential.toxiproxy_traffic import EXPECTED, PATIENCE_S, Case, Seen, flood, passes, proxied
from tests.real import start

pytestmark = pytest.mark.real


def test_api_requests_get_equal_answers(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        with start.toxiproxy() as real, ThreadedToxiproxy() as ours:
            totals = compare_all(real.url, ours, port=quiet_port(), seeds=range(10))
    except start.NotBuilt as absent:
        pytest.skip(str(absent))
    with capsys.disabled():
        print(f"\n{totals}")
    assert not totals.unlisted, "\n".join(map(str, totals.unlisted))


@pytest.mark.parametrize(("case", "expected"), EXPECTED.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_traffic(real_toxiproxy: start.RealToxiproxy, case: Case, expected: Seen) -> None:
    with proxied(real_toxiproxy.url, case.__name__) as proxy:
        assert case(proxy) == expected


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("slicer", {}),
        ("slicer", {"average_size": 1, "size_variation": 5}),
        ("bandwidth", {"rate": -1}),
    ],
)
def test_what_we_refuse_kills_the_real_server(kind: str, attributes: dict[str, int]) -> None:
    try:
        with start.toxiproxy() as real, pytest.raises(ConnectionError):
            drive(real.url, kind, attributes)
    except start.NotBuilt as absent:
        pytest.skip(str(absent))


def drive(url: str, kind: str, attributes: dict[str, int]) -> None:
    """Some bytes through the toxic, and then the API until it is gone."""
    with proxied(url, "fatal") as proxy:
        client, _ = proxy.connect()
        proxy.toxic(kind, "upstream", **attributes)
        client.sendall(bytes(1000))
        proxy.ask_until_it_is_gone()


@pytest.mark.slow
def test_a_link_that_wedges_the_real_server_is_replaced() -> None:
    """Its server is flooded, its client does not read, and a toxic is to be added: no answer, ever (#558)."""
    try:
        with start.toxiproxy() as real, ExitStack() as stack:
            check_wedge(real.url, stack)
    except start.NotBuilt as absent:
        pytest.skip(str(absent))


def check_wedge(url: str, stack: ExitStack) -> None:
    upstream = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    links = Links(url, upstream=lambda dialler, target: f"127.0.0.1:{upstream.getsockname()[1]}")
    link = links.link("a", "b")
    _, server = reach(link.address, upstream, stack)
    flood(server)
    link.latency(1, direction="from")
    assert link.wedged == ["a--b"]
    assert passes(*reach(link.address, upstream, stack))
    link.cut("drop")
    link.heal()
    assert link.proxy == "a--b~2"


def reach(address: str, upstream: socket.socket, stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    host, port = address.rsplit(":", 1)
    client = stack.enter_context(socket.create_connection((host, int(port)), timeout=PATIENCE_S))
    return client, stack.enter_context(upstream.accept()[0])
