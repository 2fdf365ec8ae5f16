"""All proxies of one server by name, with populate and reset."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.toxiproxy import errors
from chaos.toxiproxy.errors import AddressError, ApiError
from chaos.toxiproxy.gojson import Fields, kind_of
from chaos.toxiproxy.metrics import Metrics
from chaos.toxiproxy.proxy import Proxy
from chaos.toxiproxy.toxics import Toxic, parse_toxic


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyOrder:
    """What a client asks for when it makes a proxy."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[Toxic, ...] | None
    """None: not spoken of. An extension: the real server ignores toxics given here."""


class Partly(Exception):
    """A populate that failed on the way: `done` stays made."""

    def __init__(self, error: ApiError, done: Sequence[Proxy]) -> None:
        super().__init__(str(error))
        self.error = error
        self.done = done


class ProxyCollection:
    def __init__(self, *, seed: int, metrics: Metrics) -> None:
        self._seed = seed
        self._metrics = metrics
        self._proxies: dict[str, Proxy] = {}
        # Starting a listener waits (names are looked up): changes come one after the other, as if each were at once.
        self._changing = asyncio.Lock()

    def all(self) -> list[Proxy]:
        return [self._proxies[name] for name in sorted(self._proxies)]

    def get(self, name: str) -> Proxy:
        if name not in self._proxies:
            raise errors.proxy_not_found()
        return self._proxies[name]

    async def create(self, body: object) -> Proxy:
        order = parse_order(body)
        async with self._changing:
            if order.name in self._proxies:
                raise errors.proxy_exists()
            return await self._make(order)

    async def update(self, name: str, body: object) -> Proxy:
        async with self._changing:
            proxy = self.get(name)
            fields = Fields(body, owner="Proxy", go_type="toxiproxy.Proxy")
            fields.text("name", "")  # refused when it is no text, and otherwise ignored
            listen, upstream = fields.text("listen", proxy.listen), fields.text("upstream", proxy.upstream)
            enabled = fields.flag("enabled", proxy.enabled)
            try:
                await proxy.update(listen=listen, upstream=upstream, enabled=enabled)
            except AddressError as error:
                raise errors.os_failure(error) from None
            return proxy

    async def delete(self, name: str) -> None:
        async with self._changing:
            self.get(name).stop()
            del self._proxies[name]

    async def populate(self, body: object) -> list[Proxy]:
        """Make or replace in order; ApiError when nothing was begun, Partly when it failed on the way."""
        orders = parse_orders(body)
        done: list[Proxy] = []
        async with self._changing:
            for order in orders:
                try:
                    done.append(await self._make_or_keep(order))
                except AddressError as error:
                    raise Partly(errors.os_failure(error), done) from None
                except ApiError as error:
                    raise Partly(error, done) from None
        return done

    async def reset(self) -> None:
        """Every proxy enabled and without toxics; at the first that cannot start, the rest is left alone."""
        async with self._changing:
            for proxy in self.all():
                try:
                    await proxy.start()
                except AddressError as error:
                    raise errors.os_failure(error) from None
                proxy.replace_toxics(())

    def stop(self) -> None:
        for proxy in self.all():
            proxy.stop()

    async def _make_or_keep(self, order: ProxyOrder) -> Proxy:
        existing = self._proxies.get(order.name)
        if existing is None:
            return await self._make(order)
        if await existing.differs(order.listen, order.upstream):
            existing.stop()
            return await self._make(order)
        if order.toxics is not None:
            existing.replace_toxics(order.toxics)
        return existing

    async def _make(self, order: ProxyOrder) -> Proxy:
        proxy = Proxy(order.name, order.listen, order.upstream, seed=self._seed, metrics=self._metrics)
        proxy.replace_toxics(order.toxics or ())
        if order.enabled:
            try:
                await proxy.start()
            except AddressError as error:
                raise errors.os_failure(error) from None
        self._proxies[order.name] = proxy
        return proxy


def parse_orders(body: object) -> list[ProxyOrder]:
    """Orders from a request's JSON array; every one is read before any is checked, as the real server does."""
    if not isinstance(body, list | None):
        raise errors.bad_body(f"json: cannot unmarshal {kind_of(body)} into Go value of type []struct")
    orders = [_read_order(item, go_type="struct") for item in body or ()]
    return [_complete(order, where=f" at proxy {number}") for number, order in enumerate(orders, start=1)]


def parse_order(body: object) -> ProxyOrder:
    """An order from a request's JSON object; ApiError 400."""
    return _complete(_read_order(body, go_type="toxiproxy.Proxy"), where="")


def _read_order(body: object, *, go_type: str) -> ProxyOrder:
    fields = Fields(body, owner="Proxy", go_type=go_type)
    return ProxyOrder(
        name=fields.text("name", ""),
        listen=fields.text("listen", ""),
        upstream=fields.text("upstream", ""),
        enabled=fields.flag("enabled", True),
        toxics=_parse_toxics(fields.raw("toxics")),
    )


def _complete(order: ProxyOrder, *, where: str) -> ProxyOrder:
    for field, value in (("name", order.name), ("upstream", order.upstream)):
        if not value:
            raise errors.missing_field(field + where)
    return order


def _parse_toxics(value: object) -> tuple[Toxic, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise errors.bad_body(f"json: cannot unmarshal {kind_of(value)} into Go value of type []toxics.ToxicWrapper")
    found: dict[str, Toxic] = {}
    for item in value:
        toxic = parse_toxic(item, found.keys())
        found[toxic.name] = toxic
    return tuple(found.values())
