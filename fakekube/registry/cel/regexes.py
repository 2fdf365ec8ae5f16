"""Regular expressions as Go's regexp (RE2) reads them, run by Python's `re`.

What RE2 has and Python spells differently is rewritten; what RE2 refuses (look-around, back-references) is refused.
Source: package regexp/syntax of Go 1.26.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache

from fakekube.registry.cel.values import CelError

_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_ANCHORS = {"z": r"\Z", "A": r"\A", "b": r"(?a:\b)", "B": r"(?a:\B)"}
# Python's \s in ASCII has \v, RE2's has not.
_SETS = {"s": r"\t\n\f\r ", "S": None, "d": "0-9", "D": None, "w": "0-9A-Za-z_", "W": None}
_NEGATED = {"S": r"[^\t\n\f\r ]", "D": "[^0-9]", "W": "[^0-9A-Za-z_]"}
_CATEGORIES = frozenset(
    [
        *("C", "Cc", "Cf", "Co", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No"),
        *("P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs"),
    ]
)
_GROUP = re.compile(r"\(\?(?:P?<(?P<name>[^>]*)>|(?P<flags>[imsU]*(?:-[imsU]+)?)(?P<end>[:)]))")
_REPEAT = re.compile(r"\{(\d+)(,?)(\d*)\}")
_MOST_REPEATS = 1000
_POSIX = re.compile(r"\[:(\^?)(\w+):\]")


@lru_cache(maxsize=64)
def _category(name: str, *, outside: bool) -> str:
    """The characters of a category, or all others, as the inside of a set."""
    inside = [unicodedata.category(chr(code)).startswith(name) is not outside for code in range(sys.maxunicode + 1)]
    starts = [code for code, held in enumerate(inside) if held and not (code and inside[code - 1])]
    ends = [code for code, held in enumerate(inside) if held and not (code < sys.maxunicode and inside[code + 1])]
    return "".join(f"\\U{start:08x}-\\U{end:08x}" for start, end in zip(starts, ends, strict=True))


class RegexError(ValueError):
    """The text is no regular expression; the message is Go's."""


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """RegexError for what Go refuses."""
    try:
        return re.compile(_Translator(pattern).translated())
    except re.error as error:
        raise RegexError(_reworded(pattern, error)) from None


def _reworded(pattern: str, error: re.error) -> str:
    for python, go in _WORDS:
        if python in error.msg:
            return f"error parsing regexp: {go}: `{_shown(pattern, go, error.pos or 0)}`"
    return f"error parsing regexp: {error.msg}: `{pattern}`"


_WORDS = (
    ("missing ), unterminated subpattern", "missing closing )"),
    ("unbalanced parenthesis", "unexpected )"),
    ("unterminated character set", "missing closing ]"),
    ("nothing to repeat", "missing argument to repetition operator"),
    ("multiple repeat", "invalid nested repetition operator"),
    ("bad character range", "invalid character class range"),
    ("bad escape (end of pattern)", "trailing backslash at end of expression"),
    ("bad escape", "invalid escape sequence"),
)


def _shown(pattern: str, told: str, place: int) -> str:
    """The part of the pattern that Go puts behind its words."""
    if told in ("missing closing )", "unexpected )"):
        return pattern
    if told == "missing closing ]":
        return pattern[pattern.rfind("[") :]
    if told == "trailing backslash at end of expression":
        return ""
    if told == "invalid escape sequence":
        return pattern[place : place + 2]
    if told == "invalid nested repetition operator":
        return pattern[max(place - 1, 0) : place + 1]
    return pattern[place : place + 1] if told.startswith("missing argument") else pattern[place : place + 3]


class _Translator:
    """Walks a pattern once, from the left."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.multiline = [False]

    def translated(self) -> str:
        parts: list[str] = []
        while self.at < len(self.pattern):
            step = _STEPS.get(self.pattern[self.at], _Translator.plain)
            parts.append(step(self))
        return "".join(parts)

    def plain(self) -> str:
        self.at += 1
        return self.pattern[self.at - 1]

    def fail(self, told: str, shown: str) -> RegexError:
        return RegexError(f"error parsing regexp: {told}: `{shown}`")

    def escape(self) -> str:
        rest = self.pattern[self.at + 1 :]
        if not rest:
            raise self.fail("trailing backslash at end of expression", "")
        char = rest[0]
        if char == "Q":
            return self.literal()
        if char in "pP":
            return self.unicode_class(in_set=False)
        self.at += 2
        if char in _SETS:
            return f"[{_SETS[char]}]" if _SETS[char] else str(_NEGATED[char])
        return _ANCHORS.get(char) or self.escaped_char(char)

    def escaped_char(self, char: str) -> str:
        if char in "afnrtv":
            return f"\\{char}"
        if char == "x":
            return self.hexadecimal()
        if "0" <= char <= "7":
            return self.octal(char)
        if char.isascii() and not char.isalnum():
            return re.escape(char)
        raise self.fail("invalid escape sequence", f"\\{char}")

    def hexadecimal(self) -> str:
        found = re.compile(r"\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{2})").match(self.pattern, self.at)
        if found is None or int(found[1] or found[2], 16) > 0x10FFFF:
            raise self.fail("invalid escape sequence", self.pattern[self.at - 2 : self.at + 1])
        self.at = found.end()
        return re.escape(chr(int(found[1] or found[2], 16)))

    def octal(self, first: str) -> str:
        found = re.compile(r"[0-7]{1,2}").match(self.pattern, self.at)
        if found is None and first != "0":
            raise self.fail("invalid escape sequence", f"\\{first}")
        if found is not None:
            self.at = found.end()
        return re.escape(chr(int(first + (found[0] if found else ""), 8)))

    def literal(self) -> str:
        """\\Q ... \\E"""
        text, end, _ = self.pattern[self.at + 2 :].partition("\\E")
        self.at += 2 + len(text) + len(end)
        return re.escape(text)

    def unicode_class(self, *, in_set: bool) -> str:
        """A general category of Unicode. Names of scripts are not known here."""
        found = re.compile(r"\\([pP])(?:\{(\^?)(\w+)\}|(\w))").match(self.pattern, self.at)
        name = (found[3] or found[4]) if found else ""
        if found is None or name not in _CATEGORIES:
            raise self.fail("invalid character class range", self.pattern[self.at : self.at + 3])
        self.at = found.end()
        body = _category(name, outside=(found[1] == "P") != (found[2] == "^"))
        return body if in_set else f"[{body}]"

    def group(self) -> str:
        if not self.pattern.startswith("(?", self.at):
            self.at += 1
            self.multiline.append(self.multiline[-1])
            return "("
        found = _GROUP.match(self.pattern, self.at)
        if found is None:
            raise self.fail("invalid or unsupported Perl syntax", self.pattern[self.at : self.at + 3])
        self.at = found.end()
        if found["name"] is not None:
            self.multiline.append(self.multiline[-1])
            return f"(?P<{found['name']}>"
        return self.flags(found["flags"], found["end"])

    def flags(self, flags: str, end: str) -> str:
        on, _, off = flags.partition("-")
        multiline = "m" in on or (self.multiline[-1] and "m" not in off)
        kept_on, kept_off = ("".join(each for each in part if each in "is") for part in (on, off))
        python = kept_on + (f"-{kept_off}" if kept_off else "")
        if end == ":":
            self.multiline.append(multiline)
            return f"(?{python}:"
        self.multiline[-1] = multiline
        if not python:
            return ""
        # Flags for the rest of the group: Python wants a group of their own around it.
        rest = self.rest_of_group()
        return f"(?{python}:{rest})"

    def rest_of_group(self) -> str:
        parts: list[str] = []
        depth = len(self.multiline)
        while self.at < len(self.pattern):
            if self.pattern[self.at] == ")" and len(self.multiline) == depth:
                break
            parts.append(_STEPS.get(self.pattern[self.at], _Translator.plain)(self))
        return "".join(parts)

    def close(self) -> str:
        self.at += 1
        if len(self.multiline) == 1:
            raise self.fail("unexpected )", self.pattern)
        self.multiline.pop()
        return ")"

    def start(self) -> str:
        self.at += 1
        return r"(?:^|(?<=\n))" if self.multiline[-1] else r"\A"

    def end(self) -> str:
        self.at += 1
        return r"(?=\n|\Z)" if self.multiline[-1] else r"\Z"

    def repeat(self) -> str:
        found = _REPEAT.match(self.pattern, self.at)
        if found is None:
            return "\\" + self.plain()
        least, most = int(found[1][-9:]), int((found[3] or found[1])[-9:])
        if max(least, most) > _MOST_REPEATS or most < least:
            raise self.fail("invalid repeat count", found[0])
        self.at = found.end()
        return found[0]

    def char_class(self) -> str:
        start = self.at
        self.at += 1
        parts = ["["]
        if self.pattern.startswith("^", self.at):
            parts.append("^")
            self.at += 1
        first = True
        while self.at < len(self.pattern) and (first or self.pattern[self.at] != "]"):
            parts.append(self.in_class())
            first = False
        if self.at >= len(self.pattern):
            raise self.fail("missing closing ]", self.pattern[start:])
        self.at += 1
        return "".join(parts) + "]"

    def in_class(self) -> str:
        posix = _POSIX.match(self.pattern, self.at)
        if posix is not None:
            if posix[2] not in _CLASSES or posix[1]:
                raise self.fail("invalid character class range", posix[0])
            self.at = posix.end()
            return _CLASSES[posix[2]]
        char = self.pattern[self.at]
        if char == "\\":
            return self.escape_in_class()
        self.at += 1
        return f"\\{char}" if char in "[]&~|" else char

    def escape_in_class(self) -> str:
        char = self.pattern[self.at + 1 : self.at + 2]
        if char in ("p", "P"):
            return self.unicode_class(in_set=True)
        self.at += 2
        if char in _SETS:
            return _SETS[char] or f"\\{char}"
        return self.escaped_char(char) if char else "\\"


_STEPS: Mapping[str, Callable[[_Translator], str]] = {
    "\\": _Translator.escape,
    "(": _Translator.group,
    ")": _Translator.close,
    "^": _Translator.start,
    "$": _Translator.end,
    "{": _Translator.repeat,
    "[": _Translator.char_class,
}


# --- functions ----------------------------------------------------------------------------------------------------------


def _matches(text: str, pattern: str) -> bool:
    try:
        return compiled(pattern).search(text) is not None
    except RegexError as error:
        raise CelError(str(error)) from None


def _pattern(pattern: str) -> re.Pattern[str]:
    try:
        return compiled(pattern)
    except RegexError as error:
        raise CelError(f"Illegal regex: {error}") from None


def _find(text: str, pattern: str) -> str:
    found = _pattern(pattern).search(text)
    return found[0] if found else ""


def _find_all(text: str, pattern: str, most: int = -1) -> list[object]:
    found: list[object] = [each[0] for each in _pattern(pattern).finditer(text)]
    return found if most < 0 else found[:most]


REGEXES: Mapping[str, Callable[..., object]] = {
    "matches": _matches,
    "matches_string": _matches,
    "string_find_string": _find,
    "string_find_all_string": _find_all,
    "string_find_all_string_int": _find_all,
}
