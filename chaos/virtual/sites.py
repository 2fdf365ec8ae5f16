"""Which site the running code stands at, and in which of its lives: context variables, inherited by tasks and callbacks
as asyncio copies contexts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Final, NamedTuple

OBSERVER: Final = "observer"
"""Where code stands that no site started: the test itself. Its connections cost nothing and are never cut."""


class Life(NamedTuple):
    """The `number`-th start of a site's programs, counted from 0. A crash ends it, and nothing of it ever runs again."""

    site: str
    number: int


_SITE: Final[ContextVar[str]] = ContextVar("fakekube_site", default=OBSERVER)
_LIFE: Final[ContextVar[Life | None]] = ContextVar("fakekube_life", default=None)


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


@contextmanager
def life_context(life: Life) -> Iterator[None]:
    """Code in the block, and every task it starts, stands at the life's site and dies with it."""
    token = _LIFE.set(life)
    try:
        with site_context(life.site):
            yield
    finally:
        _LIFE.reset(token)


def context_at(site: str) -> Context:
    """A copy of the caller's context that stands at `site`, for `loop.create_task(..., context=...)`."""
    context = copy_context()
    context.run(_SITE.set, site)
    return context


def site_of(context: Context) -> str:
    """The site a context stands at."""
    return context.get(_SITE, OBSERVER)


def life_of(context: Context) -> Life | None:
    """The life that a context dies with, None for code that outlives every crash."""
    return context.get(_LIFE)
