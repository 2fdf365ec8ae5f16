"""The floor: an aiohttp low-level server that answers every request with the same bytes. Prints its URL."""

from __future__ import annotations

import asyncio

from aiohttp import web

BODY = b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x"},"data":{"a":"1"}}'


async def _answer(request: web.BaseRequest) -> web.Response:
    await request.read()
    return web.Response(body=BODY, content_type="application/json")


async def _main() -> None:
    server = web.Server(_answer)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", flush=True)
    await listener.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
