"""Regular expressions as Go's regexp reads them, run by RE2 itself (google-re2, its only importer): in linear time.

Source: package regexp of Go 1.26.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Protocol, cast

from fakekube.registry.cel.regex_syntax import Reader, RegexError, refused
from fakekube.registry.cel.values import CelError


class Match(Protocol):
    """`start` and `end` are offsets into the text."""

    def __getitem__(self, group: int) -> str: ...

    def start(self) -> int: ...

    def end(self) -> int: ...


class Pattern(Protocol):
    """What is used of a compiled pattern."""

    def search(self, text: str) -> Match | None: ...

    def finditer(self, text: str) -> Iterator[Match]: ...


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> Pattern:
    """RegexError for what Go refuses."""
    Reader(pattern, _is_class).require_readable()
    return _compiled(pattern)


def _compiled(pattern: str) -> Pattern:
    # imported late: few rules and schemas have patterns
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return cast(Pattern, re2.compile(pattern, options))
    except re2.error as error:
        told, _, shown = error.args[0].decode(errors="replace").partition(": ")
        raise refused(_WORDS.get(told, told), shown) from None


# What the reader does not find, in Go's words.
_WORDS = {
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "pattern too large - compile failed": "expression too large",
}


@cache
def _is_class(name: str) -> bool:
    """Whether it names a general category or a script of Unicode."""
    try:
        _compiled(f"\\p{{{name}}}")
    except RegexError:
        return False
    return True


def _matches(text: str, pattern: str) -> bool:
    try:
        return compiled(pattern).search(text) is not None
    except RegexError as error:
        raise CelError(str(error)) from None


def _pattern(pattern: str) -> Pattern:
    try:
        return compiled(pattern)
    except RegexError as error:
        raise CelError(f"Illegal regex: {error}") from None


def _find(text: str, pattern: str) -> str:
    found = _pattern(pattern).search(text)
    return found[0] if found else ""


def _find_all(text: str, pattern: str, most: int = -1) -> list[object]:
    found: list[object] = []
    end = -1
    for match in _pattern(pattern).finditer(text):
        # Go takes no empty match where the last one ended
        if match.end() != match.start() or match.start() != end:
            found.append(match[0])
        end = match.end()
    return found if most < 0 else found[:most]


REGEXES: Mapping[str, Callable[..., object]] = {
    "matches": _matches,
    "matches_string": _matches,
    "string_find_string": _find,
    "string_find_all_string": _find_all,
    "string_find_all_string_int": _find_all,
}
