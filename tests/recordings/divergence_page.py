"""Writes docs/divergence.md: one row for everything that is known to differ from a real apiserver.

    python -m tests.recordings.divergence_page

The rows come from where the tests read them, so that a page cannot promise what no test holds: divergences.json (of
recorded conversations), apiserver_listed.json (of random requests), and `known.json` (by design, or not built yet).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from fakekube.testing.kit import known_divergences

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs/divergence.md"

_HEAD = """# Divergence from a real apiserver

The yardstick is kube-apiserver 1.37.2. Conversations recorded from it are replayed in every test run, and `make
differential` asks both the same random questions. This page is generated from the lists that those tests read
(`python -m tests.recordings.divergence_page`): a difference that is not listed fails, and so does a row whose
conversation has become equal.
"""


def page() -> str:
    known: dict[str, str] = json.loads((TESTS / "recordings/known.json").read_text())
    recorded: dict[str, str] = json.loads((TESTS / "recordings/divergences.json").read_text())
    random: list[dict[str, str]] = json.loads((TESTS / "differential/apiserver_listed.json").read_text())
    sections = [
        _HEAD,
        _table("By design, or not built yet", ("what", "here"), known.items()),
        _table("Recorded conversations that are not equal", ("conversations", "why"), _grouped(recorded).items()),
        _table("Statements of the conformance kit", ("statement", "why"), known_divergences("fakekube").items()),
        _table(
            "Random requests", ("where (regular expression)", "why"), ((row["place"], row["reason"]) for row in random)
        ),
    ]
    return "\n".join(sections)


def _grouped(recorded: dict[str, str]) -> dict[str, str]:
    """One row a reason, its conversations named."""
    names: dict[str, list[str]] = {}
    for name, reason in recorded.items():
        names.setdefault(reason, []).append(name)
    return {", ".join(f"`{name}`" for name in sorted(found)): reason for reason, found in sorted(names.items())}


def _table(title: str, columns: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| {_cell(one)} | {_cell(other)} |" for one, other in rows]
    body = "\n".join([f"| {columns[0]} | {columns[1]} |", "|---|---|", *lines]) if lines else "None."
    return f"## {title}\n\n{body}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
