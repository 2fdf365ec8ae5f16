"""Text of a scope to a tree and back. A recursive-descent parser of our own: nothing of Python is ever evaluated.

    scope   := locexpr | '{' kind ':' locexpr (',' kind ':' locexpr)* '}'
    locexpr := conj ('|' conj)*
    conj    := atom ('&' atom)*
    atom    := SITE | '(' locexpr ')'

`&` binds tighter than `|`. Chains are kept as one node with many parts, so that a long one costs no depth.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from collab.protocol.names import SiteName
from fakekube.meta.names import LABEL_MAX, is_dns1123_label

TEXT_MAX = 4096  # characters; a header of this size passes every proxy we know of
DEPTH_MAX = 32  # nested parentheses


@dataclass(kw_only=True)
class ScopeError(Exception):
    """A scope that cannot be served: 400 for text that is wrong, 501 for what the language reserves for later.

    `column` counts characters from 1.
    """

    message: str
    column: int = 1
    code: int = 400

    def __str__(self) -> str:
        return f"scope, column {self.column}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRef:
    """One site; its column is where the text named it, and takes no part in equality."""

    name: SiteName
    column: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    """`a & b & c`: at every part, two or more."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Either:
    """`a | b | c`: at the first part that can be reached, two or more."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ByKind:
    """`{configmaps: a, secrets: b | c}`: each kind served from a place of its own."""

    places: tuple[tuple[str, Expression], ...]


Expression: TypeAlias = "SiteRef | All | Either"
Scope: TypeAlias = "Expression | ByKind"

_TOKEN = re.compile(r"[ \t]*(?:(?P<word>[A-Za-z0-9._-]+)|(?P<sign>[^ \t]))")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9.]*")
_RESERVED = {
    "%": "the cross operator '%'",
    "^": "the operator '^'",
    ";": "the sequence operator ';'",
}


@dataclass(frozen=True, slots=True)
class _Token:
    text: str  # "" at the end
    column: int
    is_word: bool


def parse(text: str) -> Scope:
    """The tree of `text`. Raises ScopeError, and nothing else, whatever the text."""
    if len(text) > TEXT_MAX:
        raise ScopeError(message=f"longer than {TEXT_MAX} characters", column=TEXT_MAX + 1)
    return _Parser(list(_tokens(text))).scope()


def canonical(scope: Scope) -> str:
    """The text that parses to the same tree: single blanks around operators, parentheses only where they are needed."""
    match scope:
        case SiteRef():
            return scope.name
        case All():
            return " & ".join(_operand(part, (All, Either)) for part in scope.parts)
        case Either():
            return " | ".join(_operand(part, (Either,)) for part in scope.parts)
        case ByKind():
            return "{" + ", ".join(f"{kind}: {canonical(place)}" for kind, place in scope.places) + "}"


def sites_of(scope: Scope) -> list[SiteRef]:
    """Every site as it is named, left to right, repetitions included."""
    match scope:
        case SiteRef():
            return [scope]
        case ByKind():
            return [site for _, place in scope.places for site in sites_of(place)]
        case _:
            return [site for part in scope.parts for site in sites_of(part)]


def check_sites(scope: Scope, known: Callable[[str], bool]) -> None:
    """Raises ScopeError at the first site that is not `known`."""
    for site in sites_of(scope):
        if not known(site.name):
            raise ScopeError(message=f"unknown site {site.name!r}: not among this site's peers", column=site.column)


def _operand(part: Expression, bracketed: tuple[type, ...]) -> str:
    return f"({canonical(part)})" if isinstance(part, bracketed) else canonical(part)


def _tokens(text: str) -> Iterator[_Token]:
    end = len(text.rstrip(" \t"))
    position = 0
    while position < end and (found := _TOKEN.match(text, position)):
        word = found["word"]
        yield _Token(word or found["sign"], found.start("word" if word else "sign") + 1, word is not None)
        position = found.end()
    yield _Token("", end + 1, False)


class _Parser:
    """One pass over the tokens, one token of look-ahead (two for `around(`)."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def scope(self) -> Scope:
        scope: Scope = self._by_kind() if self._accept("{") else self._either()
        if self._peek.text:
            raise self._unexpected("an operator or the end")
        return scope

    def _by_kind(self) -> ByKind:
        places = [self._place()]
        while self._accept(","):
            places.append(self._place())
        self._expect("}")
        return ByKind(places=tuple(places))

    def _place(self) -> tuple[str, Expression]:
        if not _KIND.fullmatch(self._peek.text):
            raise self._unexpected("a kind such as 'configmaps'")
        kind = self._take().text
        self._expect(":")
        return kind, self._either()

    def _either(self) -> Expression:
        parts = [self._all()]
        while self._accept("|"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Either(parts=tuple(parts))

    def _all(self) -> Expression:
        parts = [self._atom()]
        while self._accept("&"):
            parts.append(self._atom())
        return parts[0] if len(parts) == 1 else All(parts=tuple(parts))

    def _atom(self) -> Expression:
        if self._accept("("):
            return self._group()
        if not self._peek.is_word:
            raise self._unexpected("a site or '('")
        return self._site()

    def _group(self) -> Expression:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ScopeError(message=f"more than {DEPTH_MAX} nested '('", column=self._tokens[self._next - 1].column)
        inner = self._either()
        self._expect(")")
        self._depth -= 1
        return inner

    def _site(self) -> SiteRef:
        token = self._take()
        if token.text == "around" and self._peek.text == "(":
            raise ScopeError(message=_not_built("around(SITE, LATENCY)"), column=token.column, code=501)
        if not is_dns1123_label(token.text):
            rule = f"lower-case letters, digits and '-', at most {LABEL_MAX} characters"
            raise ScopeError(message=f"{token.text!r} is no site name ({rule})", column=token.column)
        return SiteRef(name=SiteName(token.text), column=token.column)

    @property
    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        self._next += 1
        return self._tokens[self._next - 1]

    def _accept(self, sign: str) -> bool:
        if self._peek.text != sign:
            return False
        self._next += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._accept(sign):
            raise self._unexpected(f"{sign!r}")

    def _unexpected(self, wanted: str) -> ScopeError:
        token = self._peek
        if token.text in _RESERVED:
            return ScopeError(message=_not_built(_RESERVED[token.text]), column=token.column, code=501)
        found = repr(token.text) if token.text else "the end"
        return ScopeError(message=f"expected {wanted}, found {found}", column=token.column)


def _not_built(what: str) -> str:
    return f"{what} is reserved and not supported yet; use sites, '&', '|' and parentheses"
