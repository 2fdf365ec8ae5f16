"""Sets of indexes as an indexed Job writes them: `0,2-4`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import count, islice


def intervals(indexes: Iterable[int]) -> str:
    """Neighbours together: two with a comma, more with a dash."""
    parts: list[str] = []
    runs: list[list[int]] = []
    for index in sorted(indexes):
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    for run in runs:
        parts.append(",".join(map(str, run)) if len(run) < 3 else f"{run[0]}-{run[-1]}")
    return ",".join(parts)


def parsed_intervals(text: str) -> set[int]:
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def pending(taken: Collection[int], completions: int, wanted: int) -> list[int]:
    """The first `wanted` indexes below `completions` that are not taken."""
    free = (index for index in count() if index not in taken)
    return [index for index in islice(free, wanted) if index < completions]
