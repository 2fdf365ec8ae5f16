"""Indexes of a job as its status lists them: `1,3-5`. Source: pkg/apis/batch/validation of Kubernetes 1.37."""

from __future__ import annotations

import re

from fakekube.registry.validation.causes import quoted


class IndexesError(ValueError):
    """What is wrong with a list of indexes."""


def index_count(text: str, completions: int) -> int:
    """How many indexes `text` names, all below `completions`. Raises IndexesError."""
    total, last = 0, -1
    for part in text.split(",") if text else ():
        low, high = interval(part, completions)
        if last >= low:
            raise IndexesError(f"non-increasing order, previous: {last}, current: {low}")
        total, last = total + high - low + 1, high
    return total


def interval(text: str, completions: int) -> tuple[int, int]:
    """The first and last index of `3-5` or `3`. Raises IndexesError."""
    ends = text.split("-")
    if len(ends) > 2:
        raise IndexesError(
            f"the fragment {quoted(text)} violates the requirement that an index interval "
            "can have at most two parts separated by '-'"
        )
    low, *high = [_index(end, completions) for end in ends]
    if high and low >= high[0]:
        raise IndexesError(f"non-increasing order, previous: {low}, current: {high[0]}")
    return low, high[0] if high else low


def _index(text: str, completions: int) -> int:
    if not re.fullmatch("[+-]?[0-9]+", text):
        raise IndexesError(f"cannot convert string to integer for index: {quoted(text)}")
    if int(text) >= completions:
        raise IndexesError(f"too large index: {quoted(text)}")
    return int(text)


def common_index(some: str, others: str, completions: int) -> int | None:
    """The first index that both lists name; intervals that cannot be read name none."""
    for low, high in _intervals(some, completions):
        for from_, to in _intervals(others, completions):
            if low <= to and from_ <= high:
                return max(low, from_)
    return None


def _intervals(text: str, completions: int) -> list[tuple[int, int]]:
    found = []
    for part in text.split(",") if text else ():
        try:
            found.append(interval(part, completions))
        except IndexesError:
            continue
    return found
