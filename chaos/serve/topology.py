"""Which links `fakekube serve` makes at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

from chaos.scenario.graphs import Graph, Pair, both_ways, edges
from chaos.serve.options import refused

LINKS_MAX = 1000
"""A link is a listening socket of Toxiproxy's: a full mesh of 32 sites, or a ring of 500."""

SHAPES = ("ring", "star")


def pairs(names: Sequence[str], links: str | None) -> list[Pair]:
    """The directed links: all, when they are at most LINKS_MAX, or those that `--links` names. Raises BadScenario."""
    if links is None:
        _check(len(names) * (len(names) - 1))
        return _shaped(names, "full")
    found = _shaped(names, links) if links in SHAPES else _from_file(names, Path(links))
    _check(len(found))
    return found


def _check(count: int) -> None:
    if count > LINKS_MAX:
        raise refused(
            "--links",
            f"{count} links are more than the {LINKS_MAX} that are made at once; "
            "choose some with --links ring, --links star or --links FILE (lines of a--b)",
        )


def _shaped(names: Sequence[str], kind: str) -> list[Pair]:
    """As scenarios have it, in the order of the sites."""
    order = {name: number for number, name in enumerate(names)}
    drawn = edges(Graph(kind=kind), names, {}, Random(0), "")  # none of these shapes draws
    return sorted((pair for pair, _ in both_ways(drawn)), key=lambda pair: (order[pair[0]], order[pair[1]]))


def _from_file(names: Sequence[str], path: Path) -> list[Pair]:
    try:
        lines = path.read_text().split()
    except OSError as error:
        raise refused(
            f"--links {path}", f"{error.strerror}; give ring, star, or a file with a line a--b per link"
        ) from None
    return [_pair(names, path, number, line) for number, line in enumerate(lines, 1)]


def _pair(names: Sequence[str], path: Path, number: int, line: str) -> Pair:
    a, arrow, b = line.partition("--")
    for name in (a, b):
        if not arrow or name not in names or a == b:
            raise refused(
                f"--links {path}:{number}", f"{line!r} is no link a--b of two of the sites {names[0]} to {names[-1]}"
            )
    return a, b
