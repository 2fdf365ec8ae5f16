"""Answers of many sites to one read, merged into one. Pure: bodies in, body out.

A Table gets a SITE column; a list names the site of every item, twins of one record with equal content being one item;
what a site did not answer, or refused, is said and never silently missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from collab.agent.kube import parse_object
from collab.agent.link import Answered, Outcome
from collab.agent.scoping import SITE_ANNOTATION, UNREACHABLE_ANNOTATION
from collab.agent.sharing import Shared
from collab.agent.target import Target
from collab.protocol.localness import SHARED_FIELDS, shared_values
from collab.protocol.names import SiteName
from fakekube.meta.objects import KubeObject

GATEWAY_CODES = (502, 503, 504)
_SITE_COLUMN = {
    "name": "Site",
    "type": "string",
    "format": "",
    "description": "The site that holds the object.",
    "priority": 0,
}
_ABSENT_CELL = "<none>"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAnswer:
    """What one site said, and what it shares, by namespace, as far as it is known."""

    site: SiteName
    outcome: Outcome
    shared: Mapping[str, Shared]

    @property
    def reached(self) -> bool:
        return reached(self.outcome)

    @property
    def succeeded(self) -> bool:
        return isinstance(self.outcome, Answered) and 200 <= self.outcome.status < 300

    @property
    def body(self) -> KubeObject:
        return parse_object(self.outcome.body) if isinstance(self.outcome, Answered) else {}

    @property
    def problem(self) -> str:
        """Why there is nothing from this site, in a few words."""
        if not isinstance(self.outcome, Answered):
            return f"unreachable: {self.outcome.why}"
        message = str(self.body.get("message") or self.outcome.reason)
        return message if self.reached else f"unreachable: {message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The merged body, and one sentence for each site that is not in it or differs."""

    body: KubeObject
    warnings: tuple[str, ...]


Merge: TypeAlias = Callable[[Sequence[SiteAnswer], Target], Gathered]
"""Merges answers that all succeeded, the one that gives what is one site's own (resourceVersion, uid) being first."""


def reached(outcome: Outcome) -> bool:
    """Whether an answer came from an apiserver: 502, 503 and 504 without a Status of one are the link's."""
    if not isinstance(outcome, Answered):
        return False
    if outcome.status not in GATEWAY_CODES:
        return True
    return not outcome.header("X-Collab-Unreachable") and parse_object(outcome.body).get("kind") == "Status"


def merge(answers: Sequence[SiteAnswer], target: Target, own: SiteName) -> Gathered:
    """One body from the answers of which at least one succeeded, in the order of the scope.

    One object is given as `own` has it, if it has it: writes under the scope go there, with its resourceVersion.
    """
    good = [answer for answer in answers if answer.succeeded]
    if _merge_for(good[0].body, target) is merge_objects:
        good.sort(key=lambda answer: answer.site != own)
    missing = tuple(f"site {answer.site}: {answer.problem}" for answer in answers if not answer.succeeded)
    merged = _merge_for(good[0].body, target)(good, target)
    _name_unreachable(merged.body, [answer.site for answer in answers if not answer.reached])
    return Gathered(body=merged.body, warnings=missing + merged.warnings)


def _merge_for(body: Mapping[str, object], target: Target) -> Merge:
    if body.get("kind") == "Table":
        return merge_tables
    return merge_objects if target.name else merge_lists


def merge_tables(answers: Sequence[SiteAnswer], target: Target) -> Gathered:
    """One table, a row per site and object, SITE being the first column. Columns are those of the first site."""
    tables = [(answer.site, answer.body) for answer in answers]
    first = tables[0][1]
    names = [str(column.get("name")) for column in _dicts(first.get("columnDefinitions"))]
    rows = [row for site, table in tables for row in _site_rows(site, table, names)]
    columns = [_SITE_COLUMN, *_dicts(first.get("columnDefinitions"))]
    body = {**first, "metadata": {}, "columnDefinitions": columns, "rows": rows}
    return Gathered(body=body, warnings=())


def _site_rows(site: SiteName, table: KubeObject, names: Sequence[str]) -> Iterable[KubeObject]:
    positions = {str(column.get("name")): n for n, column in enumerate(_dicts(table.get("columnDefinitions")))}
    for row in _dicts(table.get("rows")):
        cells = [_cell(row.get("cells"), positions.get(name)) for name in names]
        yield {**row, "cells": [site, *cells], "object": annotated(_dict(row.get("object")), {SITE_ANNOTATION: site})}


def _cell(cells: object, position: int | None) -> object:
    """A cell, or that there is none: sites of different versions may have different columns."""
    if position is None or not isinstance(cells, list) or position >= len(cells):
        return _ABSENT_CELL
    return cells[position]


def merge_lists(answers: Sequence[SiteAnswer], target: Target) -> Gathered:
    """One list; twins of one record with equal content are one item that names all their sites."""
    items: dict[str, KubeObject] = {}
    sites: dict[str, list[SiteName]] = {}
    for answer in answers:
        for item in _dicts(answer.body.get("items")):
            key = _identity(answer, item, target)
            items.setdefault(key, item)
            sites.setdefault(key, []).append(answer.site)
    named = [annotated(item, {SITE_ANNOTATION: ",".join(sites[key])}) for key, item in items.items()]
    return Gathered(body={**answers[0].body, "metadata": {}, "items": named}, warnings=())


def merge_objects(answers: Sequence[SiteAnswer], target: Target) -> Gathered:
    """The first site's object; a site with something else under the name is said."""
    keys = [_identity(answer, answer.body, target) for answer in answers]
    same = [answer.site for answer, key in zip(answers, keys, strict=True) if key == keys[0]]
    others = [answer.site for answer, key in zip(answers, keys, strict=True) if key != keys[0]]
    body = annotated(answers[0].body, {SITE_ANNOTATION: ",".join(sorted(same))})
    warnings = tuple(f"site {site}: its {target.name!r} differs from that of {same[0]}" for site in others)
    return Gathered(body=body, warnings=warnings)


def _identity(answer: SiteAnswer, item: KubeObject, target: Target) -> str:
    """Equal for twins of one record with equal content; unique for everything else."""
    metadata = _dict(item.get("metadata"))
    name, namespace = str(metadata.get("name")), str(metadata.get("namespace"))
    shared = answer.shared.get(name if target.is_namespace else namespace)
    if shared is None or not shared.covers(target) or target.resource not in SHARED_FIELDS:
        return f"{answer.site}/{namespace}/{name}"
    return f"{shared.gid}/{name}/{json.dumps(shared_values(target.resource, item))}"


def annotated(item: Mapping[str, object], annotations: Mapping[str, str]) -> KubeObject:
    """The object with these annotations added; the original is not touched."""
    metadata = dict(_dict(item.get("metadata")))
    metadata["annotations"] = {**_dict(metadata.get("annotations")), **annotations}
    return {**item, "metadata": metadata}


def _name_unreachable(body: KubeObject, sites: Sequence[SiteName]) -> None:
    """A list says in its annotations who is not in it, for clients that do not read Warnings."""
    if sites and ("items" in body or "rows" in body):
        body["metadata"] = {"annotations": {UNREACHABLE_ANNOTATION: ",".join(sites)}}


def _dict(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _dicts(value: object) -> list[KubeObject]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
