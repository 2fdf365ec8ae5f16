"""Which site the running code stands at: one context variable, inherited by tasks and callbacks as asyncio copies contexts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Final

OBSERVER: Final = "observer"
"""Where code stands that no site started: the test itself. Its connections cost nothing and are never cut."""

_SITE: Final[ContextVar[str]] = ContextVar("fakekube_site", default=OBSERVER)


def current_site() -> str:
    """The site of the running code, OBSERVER when it stands at none."""
    return _SITE.get()


@contextmanager
def site_context(site: str) -> Iterator[None]:
    """Code in the block, and every task it starts, stands at `site`.

    with site_context("paris"):
        task = loop.create_task(controller())
    """
    token = _SITE.set(site)
    try:
        yield
    finally:
        _SITE.reset(token)


def context_at(site: str) -> Context:
    """A copy of the caller's context that stands at `site`, for `loop.create_task(..., context=...)`."""
    context = copy_context()
    context.run(_SITE.set, site)
    return context


def site_of(context: Context) -> str:
    """The site a context stands at."""
    return context.get(_SITE, OBSERVER)
