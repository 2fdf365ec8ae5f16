"""Toxiproxy's HTTP API: routes, bodies and headers as the real server sends them."""

from __future__ import annotations

import posixpath
import random
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from aiohttp import web

from chaos.toxiproxy import metrics
from chaos.toxiproxy.collection import Partly, ProxyCollection
from chaos.toxiproxy.errors import ApiError
from chaos.toxiproxy.gojson import decode, encode
from chaos.toxiproxy.metrics import Metrics
from chaos.toxiproxy.proxy import Proxy
from chaos.toxiproxy.toxics import Toxic

VERSION_BODY = '{"version": "git"}\n'  # what the real server answers unless its builder stamped it
BODY_LIMIT_BYTES = 64 * 1024 * 1024  # a populate of some 100,000 proxies; the real server has no limit

REQUEST_ID_HEADER = "X-Toxiproxy-Request-Id"
_XID_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
_XID_CHARACTERS = 20

_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_WITHOUT_TYPE = (HTTPStatus.NO_CONTENT, HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.METHOD_NOT_ALLOWED)
_NO_SNIFF = ("X-Content-Type-Options", "nosniff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: str = ""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()


Names = Sequence[str]
Act = Callable[[Names, bytes], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    methods: str
    path: re.Pattern[str]
    act: Act


def _path(template: str) -> re.Pattern[str]:
    """`{name}` is any text without a slash, so a proxy with one in its name cannot be reached, as in the real server."""
    return re.compile(re.sub(r"\{\w+\}", "([^/]+)", template))


class Api:
    """Answers one request at a time from the collection; knows nothing of sockets."""

    def __init__(self, proxies: ProxyCollection, totals: Metrics | None, rng: random.Random) -> None:
        """Without `totals` there is no /metrics, as in a real server started without a metrics flag."""
        self._proxies = proxies
        self._totals = totals
        self._rng = rng
        self._routes = self._table()

    def _table(self) -> list[Route]:
        rows: list[tuple[str, str, Act]] = [
            ("GET", "/version", self._version),
            ("POST", "/reset", self._reset),
            ("POST", "/populate", self._populate),
            ("GET", "/proxies", self._list),
            ("POST", "/proxies", self._create),
            ("GET", "/proxies/{proxy}", self._show),
            ("POST PATCH", "/proxies/{proxy}", self._update),
            ("DELETE", "/proxies/{proxy}", self._delete),
            ("GET", "/proxies/{proxy}/toxics", self._list_toxics),
            ("POST", "/proxies/{proxy}/toxics", self._create_toxic),
            ("GET", "/proxies/{proxy}/toxics/{toxic}", self._show_toxic),
            ("POST PATCH", "/proxies/{proxy}/toxics/{toxic}", self._update_toxic),
            ("DELETE", "/proxies/{proxy}/toxics/{toxic}", self._delete_toxic),
        ]
        if self._totals is not None:
            rows.append(("*", "/metrics", self._metrics))
        return [Route(methods=methods, path=_path(path), act=act) for methods, path, act in rows]

    async def answer(self, method: str, path: str, user_agent: str, body: bytes) -> Answer:
        """`path` is already unquoted. Never raises for what a client sent."""
        clean = _clean(path)
        if clean != path:
            return Answer(status=HTTPStatus.MOVED_PERMANENTLY, headers=(("Location", quote(clean)),))
        here = [(route, found) for route in self._routes if (found := route.path.fullmatch(path))]
        if not here:
            return _plain(HTTPStatus.NOT_FOUND, "404 page not found\n")
        for route, found in here:
            if route.methods == "*" or method in route.methods.split():
                answer = await self._guarded(route.act, found.groups(), user_agent, body)
                return self._numbered(answer)
        return Answer(status=HTTPStatus.METHOD_NOT_ALLOWED)

    async def _guarded(self, act: Act, names: Names, user_agent: str, body: bytes) -> Answer:
        if user_agent.startswith("Mozilla/"):  # no page in a browser may drive it
            return _plain(HTTPStatus.FORBIDDEN, "User agent not allowed\n")
        try:
            return await act(names, body)
        except ApiError as error:
            return _refusal(error)

    def _numbered(self, answer: Answer) -> Answer:
        number = "".join(self._rng.choices(_XID_ALPHABET, k=_XID_CHARACTERS))
        headers = (*answer.headers, (REQUEST_ID_HEADER, number))
        return Answer(status=answer.status, body=answer.body, content_type=answer.content_type, headers=headers)

    # Routes

    async def _version(self, names: Names, body: bytes) -> Answer:
        return Answer(status=HTTPStatus.OK, body=VERSION_BODY, content_type="application/json;charset=utf-8")

    async def _metrics(self, names: Names, body: bytes) -> Answer:
        text = self._totals.text() if self._totals is not None else ""
        return Answer(status=HTTPStatus.OK, body=text, content_type=metrics.CONTENT_TYPE)

    async def _reset(self, names: Names, body: bytes) -> Answer:
        await self._proxies.reset()
        return Answer(status=HTTPStatus.NO_CONTENT)

    async def _populate(self, names: Names, body: bytes) -> Answer:
        """Unlike everywhere else, a refusal is JSON by its content type too, and tells what was made."""
        try:
            made = await self._proxies.populate(decode(body))
        except ApiError as error:
            return _json(error.status, {**_error_document(error), "proxies": None})
        except Partly as partly:
            return _json(partly.error.status, {**_error_document(partly.error), "proxies": _documents(partly.done)})
        return _json(HTTPStatus.CREATED, {"proxies": _documents(made)})

    async def _list(self, names: Names, body: bytes) -> Answer:
        return _json(HTTPStatus.OK, {proxy.name: proxy.document() for proxy in self._proxies.all()})

    async def _create(self, names: Names, body: bytes) -> Answer:
        proxy = await self._proxies.create(decode(body))
        return _json(HTTPStatus.CREATED, proxy.document())

    async def _show(self, names: Names, body: bytes) -> Answer:
        return _json(HTTPStatus.OK, self._proxies.get(names[0]).document())

    async def _update(self, names: Names, body: bytes) -> Answer:
        self._proxies.get(names[0])  # an unknown name is told before a bad body
        proxy = await self._proxies.update(names[0], decode(body))
        return _json(HTTPStatus.OK, proxy.document())

    async def _delete(self, names: Names, body: bytes) -> Answer:
        await self._proxies.delete(names[0])
        return Answer(status=HTTPStatus.NO_CONTENT)

    async def _list_toxics(self, names: Names, body: bytes) -> Answer:
        return _json(HTTPStatus.OK, [toxic.document() for toxic in self._proxies.get(names[0]).toxics()])

    async def _create_toxic(self, names: Names, body: bytes) -> Answer:
        proxy = self._proxies.get(names[0])
        toxic = proxy.parse_toxic(decode(body))
        proxy.add_toxic(toxic)
        return _json(HTTPStatus.OK, toxic.document())

    async def _show_toxic(self, names: Names, body: bytes) -> Answer:
        _, toxic = self._toxic(names)
        return _json(HTTPStatus.OK, toxic.document())

    async def _update_toxic(self, names: Names, body: bytes) -> Answer:
        proxy, toxic = self._toxic(names)
        return _json(HTTPStatus.OK, proxy.change_toxic(toxic.name, decode(body)).document())

    async def _delete_toxic(self, names: Names, body: bytes) -> Answer:
        proxy, toxic = self._toxic(names)
        proxy.remove_toxic(toxic)
        return Answer(status=HTTPStatus.NO_CONTENT)

    def _toxic(self, names: Names) -> tuple[Proxy, Toxic]:
        proxy = self._proxies.get(names[0])
        return proxy, proxy.toxic(names[1])


def _clean(path: str) -> str:
    """The path without empty and dotted segments, to which Go's router sends clients."""
    clean = posixpath.normpath("/" + path.lstrip("/"))
    return clean + "/" if path.endswith("/") and clean != "/" else clean


def _documents(proxies: Sequence[Proxy]) -> list[dict[str, object]] | None:
    """Go prints a list that was never appended to as null."""
    return [proxy.document() for proxy in proxies] or None


def _json(status: int, value: object) -> Answer:
    return Answer(status=status, body=encode(value), content_type=_JSON)


def _plain(status: int, text: str) -> Answer:
    return Answer(status=status, body=text, content_type=_TEXT, headers=(_NO_SNIFF,))


def _error_document(error: ApiError) -> dict[str, object]:
    return {"error": error.message, "status": error.status}


def _refusal(error: ApiError) -> Answer:
    # JSON by its text only: Go's http.Error overwrites the content type.
    return _plain(error.status, encode(_error_document(error)) + "\n")


def application(api: Api) -> web.Application:
    """The aiohttp shell around `api`: one handler for every path, and no header that the real server would not send."""

    async def handle(request: web.Request) -> web.Response:
        agent = request.headers.get("User-Agent", "")
        answer = await api.answer(request.method, request.path, agent, await request.read())
        response = web.Response(status=answer.status, body=answer.body.encode())
        for name, value in answer.headers:
            response.headers[name] = value
        if answer.content_type:
            response.headers["Content-Type"] = answer.content_type
        return response

    async def tidy(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.popall("Server", None)
        if response.status in _WITHOUT_TYPE:
            response.headers.popall("Content-Type", None)

    app = web.Application(client_max_size=BODY_LIMIT_BYTES)
    app.router.add_route("*", "/{path:.*}", handle)
    app.on_response_prepare.append(tidy)
    return app
