"""Label and field selectors: text in, a predicate out, and the apiserver's words for what cannot be read.

Source: k8s.io/apimachinery/pkg/labels and pkg/fields; answers recorded from kube-apiserver 1.37.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from fakekube.meta.labels import key_errors, value_errors

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LabelRequirement:
    """One term: `operator` is one of in, notin, exists, !, gt, lt; `=` and `==` are in, `!=` is notin."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Labels) -> bool:
        return _LABEL_OPERATORS[self.operator](labels.get(self.key), self.values)


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All requirements must hold; none at all selects everything."""

    requirements: tuple[LabelRequirement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requirements)

    def matches(self, labels: Labels | None) -> bool:
        return all(requirement.matches(labels or {}) for requirement in self.requirements)


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else None


def _compares(value: str | None, values: frozenset[str], sign: int) -> bool:
    number = None if value is None else _integer(value)
    return number is not None and all(sign * number > sign * int(bound) for bound in values)


_LABEL_OPERATORS: dict[str, Callable[[str | None, frozenset[str]], bool]] = {
    "in": lambda value, values: value is not None and value in values,
    "notin": lambda value, values: value is None or value not in values,
    "exists": lambda value, _: value is not None,
    "!": lambda value, _: value is None,
    "gt": lambda value, values: _compares(value, values, 1),
    "lt": lambda value, values: _compares(value, values, -1),
}


@lru_cache(maxsize=1024)
def parse_label_selector(text: str) -> LabelSelector:
    """The selector `text` stands for. Raises ValueError with the real server's words."""
    return LabelSelector(tuple(_LabelParser(text).requirements()))


_TOKEN = re.compile(r"\s*(==|!=|[=!()<>,]|[^\s=!()<>,]+)")
_SYMBOLS = frozenset(["==", "!=", "=", "!", "(", ")", "<", ">", ","])
_WORD_OPERATORS = frozenset(["in", "notin"])
_BINARY = {"=": "in", "==": "in", "!=": "notin", "<": "lt", ">": "gt"}
_END = ""


class _LabelParser:
    """Recursive descent over the tokens; words such as `in` are operators only where one may stand."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._position = 0

    def requirements(self) -> list[LabelRequirement]:
        found: list[LabelRequirement] = []
        while self._peek() != _END:
            if not self._at_requirement():
                raise ValueError(f"found '{self._peek()}', expected: !, identifier, or 'end of string'")
            found.append(self._requirement())
            self._separator()
        return found

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else _END

    def _next(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def _at_requirement(self) -> bool:
        token = self._peek()
        return token == "!" or (token != _END and token not in _SYMBOLS)

    def _separator(self) -> None:
        token = self._next()
        if token == _END:
            return
        if token != ",":
            raise ValueError(f"found '{token}', expected: ',' or 'end of string'")
        if not self._at_requirement():
            raise ValueError(f"found '{self._peek()}', expected: identifier after ','")

    def _requirement(self) -> LabelRequirement:
        try:
            return self._checked(*self._terms())
        except ValueError as error:
            raise ValueError(f"unable to parse requirement: {error}") from None

    def _terms(self) -> tuple[str, str, list[str]]:
        absent = self._peek() == "!"
        if absent:
            self._next()
        key = self._identifier()
        if errors := key_errors(key):
            raise ValueError(f'<nil>: Invalid value: "{key}": {"; ".join(errors)}')
        if absent:
            return key, "!", []
        if self._peek() in (_END, ","):
            return key, "exists", []
        operator = self._next()
        if operator in _WORD_OPERATORS:
            return key, operator, self._value_list()
        if operator in _BINARY:
            return key, _BINARY[operator], [self._value()]
        raise ValueError(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")

    def _identifier(self) -> str:
        token = self._next()
        if token == _END or token in _SYMBOLS:
            raise ValueError(f"found '{token}', expected: identifier")
        return token

    def _value(self) -> str:
        return "" if self._peek() in (_END, ",") else self._identifier()

    def _value_list(self) -> list[str]:
        """`(a, b)`; an empty place, even the only one, stands for the empty value."""
        if (token := self._next()) != "(":
            raise ValueError(f"found '{token}' expected: '('")
        values: list[str] = []
        while True:
            values.append("" if self._peek() in (",", ")") else self._identifier())
            token = self._next()
            if token == ")":
                return values
            if token != ",":
                raise ValueError(f"found '{token}', expected: ',' or ')'")

    @staticmethod
    def _checked(key: str, operator: str, values: list[str]) -> LabelRequirement:
        if operator in ("gt", "lt") and _integer(values[0]) is None:
            raise ValueError(
                f"values[0]: Invalid value: \"{values[0]}\": for 'Gt', 'Lt' operators, the value must be an integer"
            )
        for index, value in enumerate(sorted(set(values))):
            if errors := value_errors(value):
                raise ValueError(f'values[{index}][{key}]: Invalid value: "{value}": {"; ".join(errors)}')
        return LabelRequirement(key, operator, frozenset(values))


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """One term of a field selector; `negated` for `!=`."""

    field: str
    value: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """All requirements must hold; which fields a kind knows is the registry's business."""

    requirements: tuple[FieldRequirement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requirements)

    def matches(self, fields: Mapping[str, str]) -> bool:
        return all((fields.get(r.field, "") == r.value) != r.negated for r in self.requirements)


@lru_cache(maxsize=1024)
def parse_field_selector(text: str) -> FieldSelector:
    """The selector `text` stands for. Raises ValueError with the real server's words."""
    terms = [term for term in re.findall(r"(?:\\.|[^,\\]|\\$)+", text, re.DOTALL) if term]
    return FieldSelector(tuple(_field_requirement(text, term) for term in terms))


def _field_requirement(selector: str, term: str) -> FieldRequirement:
    operator = re.search(r"!=|==|=", term)
    if operator is None:
        raise ValueError(f"invalid selector: '{selector}'; can't understand '{term}'")
    value = _unescaped(term[operator.end() :])
    return FieldRequirement(term[: operator.start()], value, operator.group() == "!=")


def _unescaped(value: str) -> str:
    if bad := re.search(r"\\([^\\,=]|$)", re.sub(r"\\[\\,=]", "", value), re.DOTALL):
        raise ValueError(f"invalid field selector: invalid escape sequence: {bad.group()}")
    if bare := re.search(r"[,=]", re.sub(r"\\.", "", value, flags=re.DOTALL)):
        raise ValueError(f"invalid field selector: unescaped character in value: {ord(bare.group())}")
    return re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
