"""toxiproxy-python, a client that knows only the real server, drives the built-in one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from toxiproxy import Toxiproxy
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from chaos.toxiproxy.thread import ThreadedToxiproxy

UPSTREAM = "127.0.0.1:1"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Toxiproxy]:
    with ThreadedToxiproxy() as url:
        parts = urlsplit(url)
        monkeypatch.setattr(APIConsumer, "host", parts.hostname)
        monkeypatch.setattr(APIConsumer, "port", parts.port)
        yield Toxiproxy()


def reachable(listen: str) -> bool:
    host, port = listen.rsplit(":", 1)
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_proxies_are_made_found_and_destroyed(client: Toxiproxy) -> None:
    assert client.running()
    assert client.version() == b'{"version": "git"}\n'
    made = client.create(name="p", upstream=UPSTREAM)
    assert made.enabled
    assert reachable(made.listen)
    assert client.get_proxy("p").listen == made.listen
    assert client.destroy(made)
    assert client.proxies() == {}
    assert not reachable(made.listen)


def test_populate_makes_what_is_absent(client: Toxiproxy) -> None:
    client.create(name="a", upstream=UPSTREAM)
    made = client.populate([{"name": name, "upstream": UPSTREAM, "listen": "127.0.0.1:0"} for name in ("b", "c")])
    assert [proxy.name for proxy in made] == ["b", "c"]
    assert sorted(client.proxies()) == ["a", "b", "c"]
    client.destroy_all()
    assert client.proxies() == {}


def test_toxics_are_added_listed_and_destroyed(client: Toxiproxy) -> None:
    proxy = client.create(name="p", upstream=UPSTREAM)
    proxy.add_toxic(type="latency", attributes={"latency": 50, "jitter": 5})
    proxy.add_toxic(type="bandwidth", stream="upstream", name="narrow", toxicity=0.5, attributes={"rate": 10})
    assert sorted(proxy.toxics()) == ["latency_downstream", "narrow"]
    assert proxy.get_toxic("narrow").toxicity == 0.5
    assert proxy.get_toxic("latency_downstream").attributes == {"latency": 50, "jitter": 5}
    assert proxy.destroy_toxic("narrow")
    assert sorted(proxy.toxics()) == ["latency_downstream"]


def test_down_refuses_connections_while_it_lasts(client: Toxiproxy) -> None:
    proxy = client.create(name="p", upstream=UPSTREAM)
    with proxy.down():
        assert not reachable(proxy.listen)
    assert reachable(proxy.listen)


def test_reset_enables_and_clears(client: Toxiproxy) -> None:
    proxy = client.create(name="p", upstream=UPSTREAM, enabled=False)
    proxy.add_toxic(type="timeout", attributes={"timeout": 0})
    assert client.reset()
    assert client.get_proxy("p").enabled
    assert client.get_proxy("p").toxics() == {}


def test_refusals_raise_what_the_client_knows(client: Toxiproxy) -> None:
    proxy = client.create(name="p", upstream=UPSTREAM)
    with pytest.raises(ProxyExists):
        client.create(name="p", upstream=UPSTREAM)
    with pytest.raises(InvalidToxic, match="invalid toxic type"):
        proxy.add_toxic(type="nosuch")
    with pytest.raises(NotFound, match="toxic not found"):
        proxy.destroy_toxic("absent")
