"""The agent's answers as text for people: aligned columns, one line a thing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

Json = Mapping[str, object]

NOTHING = "-"


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns, two blanks between them, as kubectl prints."""
    table = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[n]) for row in table) for n in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    return "".join(line.rstrip() + "\n" for line in lines)


def records(view: Json) -> str:
    """The `records` view: a line per record, then its conditions."""
    rows = dicts(view.get("records"))
    if not rows:
        return "no shared resources\n"
    table = columns(
        ("RESOURCE", "STATE", "OWNER", "MEMBERS", "KINDS", "GID"),
        [
            (_text(row, "resource"), _text(row, "state"), _owner(row), _members(row), _kinds(row), _text(row, "gid"))
            for row in rows
        ],
    )
    return table + "".join(_condition_lines(row) for row in rows)


def operation(result: Json) -> str:
    """The answer to an operation: its message, and what each site said."""
    outcomes = result.get("outcomes")
    said = [f"  {site}: {outcome}\n" for site, outcome in sorted(_mapping(outcomes).items())]
    return f"{result.get('message')}\n" + "".join(said)


def conflicts(view: Json) -> str:
    """The `conflicts` view: the value in force, and each one that lost unseen."""
    lines = [
        (_text(row, "resource"), _text(row, "object"), _text(row, "path"), *_edit(row.get("winner")), *_edit(loser))
        for row in dicts(view.get("conflicts"))
        for loser in dicts(row.get("losers"))
    ]
    if not lines:
        return "no conflicts\n"
    return columns(("RESOURCE", "OBJECT", "PATH", "VALUE", "FROM", "LOST", "FROM"), lines)


def why(view: Json) -> str:
    """The `why` view: the edits of a field in the order in which the site heard of them."""
    edits = dicts(view.get("edits"))
    if not edits:
        return "no edit of it is remembered here\n"
    rows = [(_when(row.get("at")), *_edit(row), _text(row, "state"), _seen(row.get("saw"))) for row in edits]
    return columns(("HEARD", "VALUE", "FROM", "STATE", "HAD SEEN"), rows)


def _seen(saw: object) -> str:
    """The sites whose edits the writer had seen, beside the value that it replaced."""
    stamps = saw if isinstance(saw, list) else []
    return ", ".join(str(stamp[1]).partition("~")[0] for stamp in stamps) or NOTHING


def sites(view: Json) -> str:
    """The `sites` view: this site, and its peers with the state of the link."""
    rows = [
        (_text(row, "site"), _text(row, "state"), _when(row.get("lastHeard")), _text(row, "address"))
        for row in dicts(view.get("peers"))
    ]
    own = f"site {_text(view, 'site')} (uid {_text(view, 'uid')})\n"
    return own + (columns(("PEER", "LINK", "LAST HEARD", "ADDRESS"), rows) if rows else "no peers yet\n")


def log(view: Json) -> str:
    """The agent's log: operations first, as they stand, is `operations`; this is what was reported."""
    rows = [
        (_text(row, "at"), _text(row, "type"), _text(row, "site"), _text(row, "message"))
        for row in dicts(view.get("entries"))
    ]
    return columns(("AT", "TYPE", "SITE", "MESSAGE"), rows) if rows else "nothing reported yet\n"


def operations(view: Json) -> str:
    rows = [
        (_text(row, "id"), _text(row, "verb"), _text(row, "resource"), _text(row, "state"), _text(row, "message"))
        for row in dicts(view.get("operations"))
    ]
    return columns(("OPERATION", "VERB", "RESOURCE", "STATE", "MESSAGE"), rows) if rows else "no operations yet\n"


def explanation(view: Json) -> str:
    """A plan: the canonical scope, then the alternatives in the order in which they are tried."""
    tried = view.get("alternatives")
    lines = [
        f"  {n}. {', '.join(map(str, sites))}\n" for n, sites in enumerate(tried if isinstance(tried, list) else [], 1)
    ]
    return f"scope {view.get('scope')}\n" + "".join(lines)


def dicts(value: object) -> list[Json]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _text(row: Json, name: str) -> str:
    value = row.get(name)
    return NOTHING if value in (None, "") else " ".join(str(value).split())


def _when(value: object) -> str:
    """Epoch seconds as a UTC time of day and date; the agent's clock, not this machine's."""
    if not isinstance(value, int | float):
        return NOTHING
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _owner(row: Json) -> str:
    """The owner; a star when this site acts as it."""
    return _text(row, "owner") + ("*" if row.get("acting") else "")


def _members(row: Json) -> str:
    """Members by name; with the state in brackets for those that are not simply in."""
    named = [
        str(member.get("site")) + ("" if member.get("state") == "member" else f"({member.get('state')})")
        for member in dicts(row.get("members"))
    ]
    return ",".join(named) or NOTHING


def _kinds(row: Json) -> str:
    kinds = row.get("kinds")
    return ",".join(map(str, kinds)) if isinstance(kinds, list) and kinds else NOTHING


def _condition_lines(row: Json) -> str:
    found = dicts(row.get("conditions"))
    return "".join(f"{_text(row, 'resource')}: {_text(one, 'type')}: {_text(one, 'message')}\n" for one in found)


def _edit(edit: object) -> tuple[str, str]:
    """A value as JSON, `(removed)` for a removal, and where it comes from."""
    fields = _mapping(edit)
    value = fields.get("value")
    return "(removed)" if value is None else json.dumps(value), _text(fields, "site")
