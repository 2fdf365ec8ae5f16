"""Which links `fakekube serve` makes at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chaos.serve.options import refused

LINKS_MAX = 1000
"""A link is a listening socket of Toxiproxy's: a full mesh of 32 sites, or a ring of 500."""

Pair = tuple[str, str]


def pairs(names: Sequence[str], links: str | None) -> list[Pair]:
    """The directed links: all, when they are at most LINKS_MAX, or those that `--links` names. Raises BadScenario."""
    found = _mesh(names) if links is None else _named(names, links)
    if len(found) > LINKS_MAX:
        raise refused(
            "--links",
            f"{len(found)} links are more than the {LINKS_MAX} that are made at once; "
            "choose some with --links ring, --links star or --links FILE (lines of a--b)",
        )
    return found


def _mesh(names: Sequence[str]) -> list[Pair]:
    return [(a, b) for a in names for b in names if a != b]


def _named(names: Sequence[str], links: str) -> list[Pair]:
    if links == "ring":
        return _both_ways([(name, names[(at + 1) % len(names)]) for at, name in enumerate(names)])
    if links == "star":
        return _both_ways([(names[0], name) for name in names[1:]])
    return _from_file(names, Path(links))


def _both_ways(some: list[Pair]) -> list[Pair]:
    return list(dict.fromkeys(pair for a, b in some if a != b for pair in ((a, b), (b, a))))


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
