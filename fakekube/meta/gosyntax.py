"""The syntax errors of JSON in the words of Go's scanner.

Source: encoding/json, and the answers of kube-apiserver 1.37.2.
"""

from __future__ import annotations

import re
from typing import NoReturn


class SyntaxFault(ValueError):
    """The text is no JSON; the message is Go's."""


_BLANK = b" \t\r\n"
_MAX_DEPTH = 10_000
_DIGITS = b"0123456789"
_HEX = b"0123456789abcdefABCDEF"
_ESCAPES = b'"\\/bfnrt'
_LITERALS = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
_PLAIN_STRING = re.compile(rb'[^"\\\x00-\x1f]*')
_BLANKS = re.compile(rb"[ \t\r\n]*")


def syntax_fault(body: bytes) -> str | None:
    """What Go's scanner says of `body`, None when it is sound."""
    try:
        _Scanner(body).document()
    except SyntaxFault as fault:
        return str(fault)
    return None


_SHORT = {
    0x07: "\\a",
    0x08: "\\b",
    0x09: "\\t",
    0x0A: "\\n",
    0x0B: "\\v",
    0x0C: "\\f",
    0x0D: "\\r",
    0x5C: "\\\\",
    0x27: "\\'",
}


def _named(byte: int) -> str:
    """A byte as Go quotes it in these messages: the byte's value is taken for a code point."""
    if byte in _SHORT:
        return f"'{_SHORT[byte]}'"
    if byte < 0x20 or byte == 0x7F:
        return f"'\\x{byte:02x}'"
    if (byte < 0xA1 and byte >= 0x80) or byte == 0xAD:
        return f"'\\u{byte:04x}'"
    return f"'{chr(byte)}'"


class _Scanner:
    """Walks one text; the first fault is raised. An explicit stack of `{` and `[`, so depth costs no recursion."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0
        self._open: list[int] = []

    def document(self) -> None:
        self._value()
        while self._open:
            self._after_element()
        self._blank()
        if self._at < len(self._body):
            self._refuse("after top-level value")

    def _refuse(self, context: str) -> NoReturn:
        if self._at >= len(self._body):
            raise SyntaxFault("unexpected end of JSON input")
        raise SyntaxFault(f"invalid character {_named(self._body[self._at])} {context}")

    def _blank(self) -> int:
        """The next byte that is no blank, -1 at the end."""
        match = _BLANKS.match(self._body, self._at)
        self._at = match.end() if match else self._at
        return self._peek()

    def _peek(self) -> int:
        return self._body[self._at] if self._at < len(self._body) else -1

    def _value(self) -> None:
        """One value; of an object or array only the way down to its first scalar, or to an empty one."""
        byte = self._blank()
        while byte in (ord("{"), ord("[")):
            if not self._begin(byte):
                return
            byte = self._blank()
        self._scalar(byte)

    def _begin(self, bracket: int) -> bool:
        """Step into an object or array; False when it is empty and over."""
        if len(self._open) >= _MAX_DEPTH:
            self._refuse("exceeded max depth")
        self._at += 1
        if self._blank() == bracket + 2:  # `}` and `]` stand two behind `{` and `[`
            self._at += 1
            return False
        self._open.append(bracket)
        if bracket == ord("{"):
            self._key()
        return True

    def _scalar(self, byte: int) -> None:
        if byte == ord('"'):
            self._string()
        elif byte in _LITERALS:
            self._literal(_LITERALS[byte])
        elif byte == ord("-") or (byte >= 0 and byte in _DIGITS):
            self._number()
        else:
            self._refuse("looking for beginning of value")

    def _key(self) -> None:
        if self._blank() != ord('"'):
            self._refuse("looking for beginning of object key string")
        self._string()
        if self._blank() != ord(":"):
            self._refuse("after object key")
        self._at += 1

    def _after_element(self) -> None:
        bracket = self._open[-1]
        byte = self._blank()
        if byte == bracket + 2:
            self._at += 1
            self._open.pop()
        elif byte == ord(","):
            self._at += 1
            if bracket == ord("{"):
                self._key()
            self._value()
        else:
            self._refuse("after object key:value pair" if bracket == ord("{") else "after array element")

    def _string(self) -> None:
        self._at += 1
        while True:
            match = _PLAIN_STRING.match(self._body, self._at)
            self._at = match.end() if match else self._at
            byte = self._peek()
            if byte == ord('"'):
                self._at += 1
                return
            if byte != ord("\\"):
                self._refuse("in string literal")
            self._escape()

    def _escape(self) -> None:
        self._at += 1
        byte = self._peek()
        if byte == ord("u"):
            self._at += 1
            for _ in range(4):
                self._one_of(_HEX, "in \\u hexadecimal character escape")
            return
        self._one_of(_ESCAPES, "in string escape code")

    def _one_of(self, allowed: bytes, context: str) -> None:
        byte = self._peek()
        if byte < 0 or byte not in allowed:
            self._refuse(context)
        self._at += 1

    def _literal(self, word: bytes) -> None:
        self._at += 1
        for expected in word[1:]:
            if self._peek() != expected:
                self._refuse(f"in literal {word.decode()} (expecting {_named(expected)})")
            self._at += 1

    def _number(self) -> None:
        if self._peek() == ord("-"):
            self._at += 1
        if self._peek() == ord("0"):
            self._at += 1
        else:
            self._digits("in numeric literal")
        if self._peek() == ord("."):
            self._at += 1
            self._digits("after decimal point in numeric literal")
        if self._peek() in (ord("e"), ord("E")):
            self._at += 1
            if self._peek() in (ord("+"), ord("-")):
                self._at += 1
            self._digits("in exponent of numeric literal")

    def _digits(self, context: str) -> None:
        self._one_of(_DIGITS, context)
        while self._peek() >= 0 and self._peek() in _DIGITS:
            self._at += 1
