"""List: which revision, which objects, which page.

Source: k8s.io/apiserver/pkg/storage (etcd3 and cacher), and answers recorded from kube-apiserver 1.37.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from fakekube.meta.errors import Cause, Details, StatusError, bad_request, expired
from fakekube.registry.paging import INCONSISTENT, Continue, decode_continue, encode_continue
from fakekube.registry.selection import EVERYTHING, Selection
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served
from fakekube.storage.items import Item
from fakekube.storage.keyspace import Keyspace
from fakekube.storage.store import Compacted

Match = Literal["", "Exact", "NotOlderThan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """Of list, watch and deletecollection, already checked against each other."""

    selection: Selection = field(default_factory=lambda: EVERYTHING)
    limit: int = 0
    continue_text: str = ""
    resource_version: str = ""
    match: Match = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`remaining` is None on the last page and with any selector."""

    items: list[Item]
    revision: int
    continue_text: str = ""
    remaining: int | None = None


def list_page(site: Site, served: Served, namespace: str | None, options: ListOptions) -> Page:
    """One page of the objects of `namespace` (None: of all namespaces)."""
    if "watch" not in served.type.verbs:
        # What is measured when asked (component statuses) has no history, and so no revision.
        return Page(items=site.store.keyspace(served.key).listed(namespace), revision=0)
    revision = list_revision(options.resource_version)
    place = decode_continue(options.continue_text, namespace) if options.continue_text else None
    if place is not None and revision:
        raise bad_request("specifying resource version is not allowed when using continue")
    require_reached(site, revision)
    if place is not None:
        return _next_page(site, served, namespace, options, place)
    unlimited = options.resource_version == "0"
    if options.match == "Exact" or (revision and options.limit and not options.match):
        keyspace = _as_of(site, served, revision)
    else:
        keyspace, revision = site.store.keyspace(served.key), site.store.revision
    return _page(keyspace, served, namespace, options, revision, ("", ""), 0 if unlimited else options.limit)


def list_revision(text: str) -> int:
    """A list's resourceVersion as a number, 0 for none. 400 for anything else."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        why = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise bad_request(f"invalid resource version: resourceVersion: {why}")
    return int(text)


def require_reached(site: Site, revision: int) -> None:
    """504 for a revision that does not exist yet. The real server waits some seconds first; we answer at once."""
    if revision > site.store.revision:
        raise StatusError(
            code=504,
            reason="Timeout",
            message=f"Timeout: Too large resource version: {revision}, current: {site.store.revision}",
            details=Details(
                causes=[Cause(reason="ResourceVersionTooLarge", message="Too large resource version")], retry_after_s=1
            ),
            headers={"Retry-After": "1"},
        )


def _as_of(site: Site, served: Served, revision: int) -> Keyspace:
    try:
        return site.store.at(served.key, revision)
    except Compacted:
        raise expired("The resourceVersion for the provided list is too old.") from None


def _next_page(site: Site, served: Served, namespace: str | None, options: ListOptions, place: Continue) -> Page:
    revision = site.store.revision if place.revision == INCONSISTENT else place.revision
    try:
        keyspace = site.store.at(served.key, revision)
    except Compacted:
        raise _inconsistent(served, namespace, place) from None
    limit = 0 if options.resource_version == "0" else options.limit
    return _page(keyspace, served, namespace, options, revision, place.after, limit)


def _inconsistent(served: Served, namespace: str | None, place: Continue) -> StatusError:
    """410 with a token that goes on at the newest state, which may not fit the pages before."""
    refusal = expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
    token = encode_continue(INCONSISTENT, place.after, namespaced=namespace is not None)
    refusal.metadata = {"continue": token}
    return refusal


def _page(
    keyspace: Keyspace,
    served: Served,
    namespace: str | None,
    options: ListOptions,
    revision: int,
    after: tuple[str, str],
    limit: int,
) -> Page:
    chosen = options.selection
    space = namespace if served.namespaced else ""
    if chosen.one_name and space is not None:
        # one key of the store is read: there are no pages
        item = keyspace.get(space, chosen.one_name)
        return Page(items=[item] if item is not None and chosen.matches(item.obj) else [], revision=revision)
    if limit <= 0 and not chosen and after == ("", ""):
        return Page(items=keyspace.listed(namespace), revision=revision)
    if limit <= 0:
        return Page(items=list(_selected(keyspace, namespace, chosen, after)), revision=revision)
    found = (
        _selected(keyspace, namespace, chosen, after) if chosen else keyspace.items(namespace, after=after, most=limit)
    )
    items = list(islice(found, limit))
    if len(items) < limit:
        return Page(items=items, revision=revision)
    last = (items[-1].namespace, items[-1].name)
    # whatever stands behind, selected or not: a page cannot know what the next one will select
    remaining = keyspace.count_after(namespace, last)
    if not remaining:
        return Page(items=items, revision=revision)
    token = encode_continue(revision, last, namespaced=namespace is not None)
    return Page(items=items, revision=revision, continue_text=token, remaining=None if chosen else remaining)


def _selected(keyspace: Keyspace, namespace: str | None, chosen: Selection, after: tuple[str, str]) -> Iterator[Item]:
    return (item for item in keyspace.items(namespace, after=after) if chosen.matches(item.obj))
