"""Reads a regular expression as Go's regexp does, for its refusals alone: RE2, which runs them, has other words.

Source: package regexp/syntax of Go 1.26 (parse.go).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_POSIX = frozenset(
    [
        *("alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph"),
        *("lower", "print", "punct", "space", "upper", "word", "xdigit"),
    ]
)
_MOST_REPEATS = 1000
_LAST_RUNE = 0x10FFFF
_PERL_CLASSES = frozenset("dDsSwW")
_LETTERS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_NAME = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
_FLAGS = re.compile(r"\(\?[imsU]*(?:-[imsU]+)?([:)])")
# As far as flags can be read, and the letter that ends it.
_BAD_FLAGS = re.compile(r"\(\?[imsU]*(?:-[imsU]*)?.?", re.DOTALL)
_COUNTS = re.compile(r"\{(\d+)(,?)(\d*)\}", re.ASCII)
_OCTAL = re.compile(r"[1-7][0-7]{1,2}|0[0-7]{0,2}")
_HEX = re.compile(r"x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))")
_BAD_HEX = re.compile(r"x(?:\{[0-9A-Fa-f]*.?|.{0,2})", re.DOTALL)


class RegexError(ValueError):
    """The text is no regular expression; the message is Go's."""


def refused(told: str, shown: str) -> RegexError:
    return RegexError(f"error parsing regexp: {told}: `{shown}`")


class Reader:
    """Walks a pattern once, from the left. `is_class` knows the names of Unicode's categories and scripts."""

    def __init__(self, pattern: str, is_class: Callable[[str], bool]) -> None:
        self._pattern = pattern
        self._is_class = is_class
        self._at = 0
        # For the pattern and each open group: whether something stands there that can be repeated.
        self._repeatable = [False]
        # Where the operator begins that stands just before.
        self._repeat_at: int | None = None

    def require_readable(self) -> None:
        """Raises RegexError."""
        while self._at < len(self._pattern):
            before, last = self._at, self._repeat_at
            self._repeat_at = None
            letter = self._pattern[before]
            if letter in "*+?":
                self._at += 1
                self._repeat(before, last)
            else:
                _STEPS.get(letter, Reader._plain)(self, last)
        if len(self._repeatable) > 1:
            raise refused("missing closing )", self._pattern)

    def _since(self, start: int) -> str:
        return self._pattern[start : self._at]

    def _plain(self, _last: int | None) -> None:
        self._at += 1
        self._repeatable[-1] = True

    # Repetitions.

    def _repeat(self, before: int, last: int | None) -> None:
        """An operator is read; one more ? makes it lazy."""
        if self._pattern.startswith("?", self._at):
            self._at += 1
        if last is not None:
            raise refused("invalid nested repetition operator", self._since(last))
        if not self._repeatable[-1]:
            raise refused("missing argument to repetition operator", self._since(before))
        self._repeat_at = before

    def _counted(self, last: int | None) -> None:
        """`{2}`, `{2,}`, `{2,3}`; every other brace stands for itself."""
        found = _COUNTS.match(self._pattern, self._at)
        if found is None:
            self._plain(last)
            return
        before, self._at = self._at, found.end()
        least, most = int(found[1][-9:]), int((found[3] or found[1])[-9:])
        if max(least, most) > _MOST_REPEATS or most < least:
            raise refused("invalid repeat count", found[0])
        self._repeat(before, last)

    # Groups.

    def _open(self, _last: int | None) -> None:
        if self._pattern.startswith("(?", self._at):
            self._open_special()
        else:
            self._at += 1
            self._repeatable.append(False)

    def _open_special(self) -> None:
        """A name, or flags: of a group, or of the rest of the one around."""
        if self._pattern.startswith(("(?P<", "(?<"), self._at):
            self._named()
            return
        found = _FLAGS.match(self._pattern, self._at)
        if found is None:
            bad = _BAD_FLAGS.match(self._pattern, self._at)
            assert bad is not None
            raise refused("invalid or unsupported Perl syntax", bad[0])
        self._at = found.end()
        if found[1] == ":":
            self._repeatable.append(False)

    def _named(self) -> None:
        start = self._at
        end = self._pattern.find(">", start)
        if end < 0:
            raise refused("invalid named capture", self._pattern[start:])
        self._at = end + 1
        name = self._since(start).partition("<")[2][:-1]
        if not _NAME.fullmatch(name):
            raise refused("invalid named capture", self._since(start))
        self._repeatable.append(False)

    def _close(self, _last: int | None) -> None:
        if len(self._repeatable) == 1:
            raise refused("unexpected )", self._pattern)
        self._at += 1
        self._repeatable.pop()
        self._repeatable[-1] = True

    def _alternative(self, _last: int | None) -> None:
        self._at += 1
        self._repeatable[-1] = False

    # Escapes and classes.

    def _escape(self, _last: int | None) -> None:
        letter = self._pattern[self._at + 1 : self._at + 2]
        if letter == "Q":
            self._literal()
            return
        if letter == "C":
            raise refused("invalid escape sequence", r"\C")
        if letter and letter in "AbBz":
            self._at += 2
        elif not self._class_escape():
            self._rune()
        self._repeatable[-1] = True

    def _literal(self) -> None:
        r"""\Q ... \E"""
        text, end, _ = self._pattern[self._at + 2 :].partition(r"\E")
        self._at += 2 + len(text) + len(end)
        self._repeatable[-1] = self._repeatable[-1] or bool(text)

    def _class_escape(self) -> bool:
        r"""\d, \pL, \p{Greek}; False when no such escape is here."""
        letter = self._pattern[self._at + 1 : self._at + 2] if self._pattern[self._at] == "\\" else ""
        if letter in _PERL_CLASSES:
            self._at += 2
            return True
        if letter not in ("p", "P"):
            return False
        start, end = self._at, self._at + 3
        if self._pattern.startswith("{", self._at + 2):
            end = self._pattern.find("}", self._at) + 1
            if not end:
                raise refused("invalid character class range", self._pattern[start:])
        self._at = end
        if not self._is_class(self._since(start)[2:].strip("{}").removeprefix("^")):
            raise refused("invalid character class range", self._since(start))
        return True

    def _class(self, _last: int | None) -> None:
        start = self._at
        self._at += 1
        if self._pattern.startswith("^", self._at):
            self._at += 1
        first = True
        while first or not self._pattern.startswith("]", self._at):
            first = False
            if self._at >= len(self._pattern):
                raise refused("missing closing ]", self._pattern[start:])
            if not self._posix() and not self._class_escape():
                self._range(start)
        self._at += 1
        self._repeatable[-1] = True

    def _posix(self) -> bool:
        end = self._pattern.find(":]", self._at + 2) if self._pattern.startswith("[:", self._at) else -1
        if end < 0:
            return False
        start, self._at = self._at, end + 2
        if self._pattern[start + 2 : end].removeprefix("^") not in _POSIX:
            raise refused("invalid character class range", self._since(start))
        return True

    def _range(self, whole: int) -> None:
        start = self._at
        low = self._class_rune(whole)
        if not self._pattern.startswith("-", self._at) or self._pattern[self._at + 1 : self._at + 2] in ("", "]"):
            return
        self._at += 1
        if self._class_rune(whole) < low:
            raise refused("invalid character class range", self._since(start))

    def _class_rune(self, whole: int) -> int:
        if self._at >= len(self._pattern):
            raise refused("missing closing ]", self._pattern[whole:])
        if self._pattern[self._at] == "\\":
            return self._rune()
        self._at += 1
        return ord(self._pattern[self._at - 1])

    def _rune(self) -> int:
        """The one character that an escape stands for."""
        start = self._at
        self._at += 1
        rest = self._pattern[self._at : self._at + 1]
        if not rest:
            raise refused("trailing backslash at end of expression", "")
        for pattern, base in ((_OCTAL, 8), (_HEX, 16)):
            found = pattern.match(self._pattern, self._at)
            if found is not None and (rune := int(next(filter(None, found.groups()), found[0]), base)) <= _LAST_RUNE:
                self._at = found.end()
                return rune
        self._at += 1
        if rest in _LETTERS:
            return _LETTERS[rest]
        if rest.isascii() and not rest.isalnum():
            return ord(rest)
        raise refused("invalid escape sequence", self._bad_escape(start))

    def _bad_escape(self, start: int) -> str:
        bad = _BAD_HEX.match(self._pattern, start + 1)
        return self._since(start) if bad is None else self._pattern[start : bad.end()]


_STEPS: Mapping[str, Callable[[Reader, int | None], None]] = {
    "(": Reader._open,
    ")": Reader._close,
    "|": Reader._alternative,
    "{": Reader._counted,
    "[": Reader._class,
    "\\": Reader._escape,
}
