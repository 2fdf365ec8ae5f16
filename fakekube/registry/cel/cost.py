"""What evaluating an expression may cost at worst, known before any object is: the price that a definition is refused by.

Source: cel-go 0.29 (checker/cost.go, ext/lists.go, ext/sets.go), k8s.io/apiserver/pkg/cel/library/cost.go of 1.37, and
apiextensions-apiserver's compilation.go for the sizes that a schema bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fakekube.registry.cel.celtypes import Type, is_optional
from fakekube.registry.cel.check import Checked
from fakekube.registry.cel.ranges import (
    LIST_BASE,
    MAP_BASE,
    MOST,
    NOTHING,
    ONE,
    REGEX_FACTOR,
    STRING_FACTOR,
    STRUCT_BASE,
    UNKNOWN,
    Range,
    exactly,
)
from fakekube.registry.cel.schema import DeclaredType
from fakekube.registry.cel.tree import (
    Call,
    Comprehension,
    Expr,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Select,
    StructLiteral,
)

_SCALARS = frozenset(["bool", "double", "duration", "int", "timestamp", "uint"])
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entries:
    """Sizes of what a list or map literal holds."""

    kind: str
    key: Range
    value: Range

    def union(self, other: _Entries | None) -> _Entries | None:
        if other is None:
            return None
        return _Entries(kind=self.kind, key=self.key.union(other.key), value=self.value.union(other.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Local:
    path: Path
    size: Range | None
    entries: _Entries | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An argument as the cost of a call sees it."""

    path: Path
    type: Type
    expr: Expr | None
    size: Range | None


@dataclass(frozen=True, slots=True)
class Estimate:
    cost: Range
    size: Range | None = None
    """Of the result, where it has one."""


def estimate(checked: Checked, root: DeclaredType | None) -> Range:
    """The cost of one evaluation. `root` is the type of `self`; without it nothing has a bound."""
    return _Estimator(checked=checked, root=root).cost(checked.expr)


@dataclass(slots=True, kw_only=True)
class _Estimator:
    checked: Checked
    root: DeclaredType | None
    paths: dict[int, Path] = field(default_factory=dict)
    sizes: dict[int, Range] = field(default_factory=dict)
    entries: dict[int, _Entries] = field(default_factory=dict)
    locals: dict[str, list[_Local]] = field(default_factory=dict)

    def cost(self, expr: Expr) -> Range:
        match expr:
            case Literal():
                return NOTHING
            case Ident():
                local = self._local(expr.name)
                self.paths[expr.id] = (self.checked.names[expr.id],) if local is None else local.path
                return ONE
            case Select():
                return self._select(expr)
            case Call():
                return self._call(expr)
            case ListLiteral():
                return self._list(expr)
            case MapLiteral():
                return self._map(expr)
            case StructLiteral():
                return self._sum(each.value for each in expr.fields).plus(exactly(STRUCT_BASE))
            case Comprehension():
                return self._bind(expr) if _is_bind(expr) else self._comprehension(expr)

    def _sum(self, exprs: Iterable[Expr]) -> Range:
        total = NOTHING
        for expr in exprs:
            total = total.plus(self.cost(expr))
        return total

    def _type(self, expr: Expr) -> Type:
        return self.checked.types[expr.id]

    def _local(self, name: str) -> _Local | None:
        stack = self.locals.get(name)
        return stack[-1] if stack else None

    def _path(self, expr: Expr) -> Path:
        local = self._local(expr.name) if isinstance(expr, Ident) else None
        return self.paths.get(expr.id, ()) if local is None else local.path

    # --- nodes

    def _select(self, expr: Select) -> Range:
        if expr.id in self.checked.names:  # the name of a type, such as net.IP
            self.paths[expr.id] = (self.checked.names[expr.id],)
            return ONE
        cost = self.cost(expr.operand)
        if expr.test_only:
            return cost
        self.paths[expr.id] = (*self._path(expr.operand), expr.field)
        return cost.plus(ONE) if self._type(expr.operand).kind in ("map", "struct", "param") else cost

    def _list(self, expr: ListLiteral) -> Range:
        cost, size = NOTHING, Range(MOST if expr.elements else 0, 0)
        for element in expr.elements:
            cost = cost.plus(self.cost(element))
            size = size.union(self.size_or_unknown(element))
        self.entries[expr.id] = _Entries(kind="list", key=ONE, value=size)
        return cost.plus(exactly(LIST_BASE))

    def _map(self, expr: MapLiteral) -> Range:
        cost = NOTHING
        keys = values = Range(MOST if expr.entries else 0, 0)
        for entry in expr.entries:
            cost = cost.plus(self.cost(entry.key)).plus(self.cost(entry.value))
            keys = keys.union(self.size_or_unknown(entry.key))
            values = values.union(self.size_or_unknown(entry.value))
        self.entries[expr.id] = _Entries(kind="map", key=keys, value=values)
        return cost.plus(exactly(MAP_BASE))

    def _comprehension(self, expr: Comprehension) -> Range:
        cost = self.cost(expr.range).plus(self.cost(expr.init))
        self._push(expr.accumulator, self._bound_to(expr.init))
        if expr.variable2:
            self._push(expr.variable, self._iterated(expr.range, "@keys", "@indices"))
            self._push(expr.variable2, self._iterated(expr.range, "@values", "@items"))
        else:
            self._push(expr.variable, self._iterated(expr.range, "@keys", "@items"))
        loop = self.cost(expr.condition).plus(self.cost(expr.step))
        self.locals[expr.variable].pop()
        if expr.variable2:
            self.locals[expr.variable2].pop()
        cost = cost.plus(self.cost(expr.result))
        self.locals[expr.accumulator].pop()
        count = self.size_or_unknown(expr.range)
        self._result_of_fold(expr, count)
        return cost.plus(count.product(loop))

    def _result_of_fold(self, expr: Comprehension, count: Range) -> None:
        if isinstance(expr.init, Literal):
            self._keep_size(expr, self.size(expr.init))
        elif isinstance(expr.init, ListLiteral | MapLiteral):
            self._keep_size(expr, count)
            self._keep_entries(expr, self._entries(expr.step))

    def _bind(self, expr: Comprehension) -> Range:
        cost = self.cost(expr.range).plus(self.cost(expr.init))
        self._push(expr.accumulator, self._bound_to(expr.init))
        cost = cost.plus(self.cost(expr.result))
        self.locals[expr.accumulator].pop()
        self._keep_size(expr, self.size(expr.result))
        self._keep_entries(expr, self._entries(expr.result))
        return cost

    def _push(self, name: str, local: _Local) -> None:
        self.locals.setdefault(name, []).append(local)

    def _bound_to(self, expr: Expr) -> _Local:
        return _Local(path=self._path(expr), size=self.size(expr), entries=self._entries(expr))

    def _iterated(self, ranged: Expr, of_map: str, of_list: str) -> _Local:
        entries = self._entries(ranged)
        is_list = (entries.kind if entries else self._type(ranged).kind) == "list"
        step = of_list if is_list else of_map
        size = None if entries is None else entries.value if step in ("@items", "@values") else entries.key
        return _Local(path=(*self._path(ranged), step), size=size, entries=None)

    # --- sizes

    def size(self, expr: Expr) -> Range | None:
        known = self.sizes.get(expr.id) or _written_size(expr)
        if known is not None:
            return known
        bounded = self.bounded(self._path(expr))
        if bounded is not None:
            self.sizes[expr.id] = bounded
            return bounded
        if _is_scalar(self._type(expr)):
            return ONE
        local = self._local(expr.name) if isinstance(expr, Ident) else None
        return None if local is None else local.size

    def size_or_unknown(self, expr: Expr) -> Range:
        return self.size(expr) or UNKNOWN

    def bounded(self, path: Path) -> Range | None:
        """What the schema says of the size of what `path` leads to."""
        if not path or self.root is None:
            return None
        kind: DeclaredType | None = self.root
        for step in path[1:]:
            if kind is None:
                return None
            if step in ("@items", "@values"):
                kind = kind.element
            elif step == "@keys":
                kind = _KEY if kind.is_map else None
            else:
                kind = (kind.fields or {}).get(step)
        return None if kind is None else Range(0, kind.max_elements)

    def _keep_size(self, expr: Expr, size: Range | None) -> None:
        if size is not None:
            self.sizes[expr.id] = size

    def entries_of(self, node: Node) -> _Entries | None:
        return None if node.expr is None else self._entries(node.expr)

    def keep_entries_of(self, expr: Expr, entries: _Entries | None) -> None:
        self._keep_entries(expr, entries)

    def _entries(self, expr: Expr) -> _Entries | None:
        found = self.entries.get(expr.id)
        if found is not None:
            return found
        local = self._local(expr.name) if isinstance(expr, Ident) else None
        return None if local is None else local.entries

    def _keep_entries(self, expr: Expr, entries: _Entries | None) -> None:
        if entries is not None:
            self.entries[expr.id] = entries

    def node(self, expr: Expr) -> Node:
        path = self._path(expr)
        shown = () if path[:1] in (("@result",), ("__result__",)) else path
        return Node(path=shown, type=self._type(expr), expr=expr, size=self.size(expr))

    def node_size(self, node: Node) -> Range:
        return node.size or self.bounded(node.path) or UNKNOWN

    # --- calls

    def _call(self, expr: Call) -> Range:
        function, target = self.checked.function(expr), self.checked.target(expr)
        if function == "dyn":
            return self._dyn(expr)
        costs = [self.cost(arg) for arg in expr.args]
        nodes = [self.node(arg) for arg in expr.args]
        overloads = self.checked.overloads.get(expr.id, ())
        if not overloads:
            return NOTHING
        cost = NOTHING if target is None else self.cost(target)
        call = _CallSite(
            estimator=self,
            expr=expr,
            function=function,
            target=None if target is None else self.node(target),
            args=nodes,
            costs=costs,
        )
        return cost.plus(self._over(call, overloads))

    def _dyn(self, expr: Call) -> Range:
        [arg] = expr.args
        cost = self.cost(arg)
        self._keep_size(expr, self.size(arg))
        self._keep_entries(expr, self._entries(arg))
        return ONE.plus(cost)

    def _over(self, call: _CallSite, overloads: Sequence[str]) -> Range:
        """The range over all overloads that a call may mean; what it results in is kept."""
        cost, size = Range(MOST, 0), None
        expr = call.expr
        for overload in overloads:
            found = call.priced(overload)
            cost = cost.union(found.cost)
            if found.size is not None:
                size = found.size if size is None else size.union(found.size)
            if overload in ("index_list", "index_map"):
                entries = self._entries(expr.args[0])
                size = None if entries is None else entries.value
                step = "@items" if overload == "index_list" else "@values"
                self.paths[expr.id] = (*self._path(expr.args[0]), step)
            if size is None:
                size = self.size(expr)
        self._keep_size(expr, size)
        return cost


_KEY = DeclaredType(type=Type("string", "string"), min_size=2)


def _is_bind(expr: Comprehension) -> bool:
    """A fold over nothing that only names a value."""
    over_nothing = isinstance(expr.range, ListLiteral) and not expr.range.elements
    never = isinstance(expr.condition, Literal) and expr.condition.value is False
    return over_nothing and never and expr.accumulator != "__result__"


def _is_scalar(kind: Type) -> bool:
    return _is_scalar(kind.params[0]) if is_optional(kind) else kind.kind in _SCALARS


def _written_size(expr: Expr) -> Range | None:
    """The size of what stands in the expression itself."""
    match expr:
        case Literal():
            return exactly(len(expr.value) if isinstance(expr.value, str | bytes) else 1)
        case ListLiteral():
            return exactly(len(expr.elements))
        case MapLiteral():
            return exactly(len(expr.entries))
        case _:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _CallSite:
    estimator: _Estimator
    expr: Call
    function: str
    target: Node | None
    args: Sequence[Node]
    costs: Sequence[Range]

    def size(self, node: Node) -> Range:
        return self.estimator.node_size(node)

    def arguments(self) -> Range:
        total = NOTHING
        for cost in self.costs:
            total = total.plus(cost)
        return total

    def priced(self, overload: str) -> Estimate:
        """By overload, by Kubernetes' functions, by the language's; one unit for everything else."""
        extension = _EXTENSIONS.get(overload)
        library = _LIBRARY.get(self.function)
        found = extension(self) if extension else library(self, overload) if library else None
        if found is None and overload in _STANDARD:
            return _STANDARD[overload](self)
        if found is None:
            found = Estimate(ONE)
        return Estimate(found.cost.plus(self.arguments()), found.size)


# --- the language's own functions: with the cost of their arguments -----------------------------------------------------


def _of_first(call: _CallSite) -> Estimate:
    return Estimate(call.size(call.args[0]).scaled(STRING_FACTOR).plus(call.arguments()))


def _format(call: _CallSite) -> Estimate:
    assert call.target is not None
    return Estimate(call.size(call.target).scaled(STRING_FACTOR).plus(call.arguments()))


def _to_bytes(call: _CallSite) -> Estimate:
    size = call.size(call.args[0])
    grown = Range(size.low, size.high * 4 & MOST)
    return Estimate(size.scaled(STRING_FACTOR).plus(call.arguments()), grown)


def _from_bytes(call: _CallSite) -> Estimate:
    size = call.size(call.args[0])
    return Estimate(size.scaled(STRING_FACTOR).plus(call.arguments()), Range(size.low // 4, size.high))


def _quote(call: _CallSite) -> Estimate:
    size = call.size(call.args[0])
    grown = Range(size.low + 2 & MOST, size.high * 2 + 2 & MOST)
    return Estimate(size.scaled(STRING_FACTOR).plus(call.arguments()), grown)


def _in_list(call: _CallSite) -> Estimate:
    return Estimate(call.size(call.args[1]).plus(call.arguments()))


def _matches(call: _CallSite) -> Estimate:
    nodes = [*(() if call.target is None else (call.target,)), *call.args]
    text = call.size(nodes[0]).plus(ONE).scaled(STRING_FACTOR)
    return Estimate(text.product(call.size(nodes[1]).scaled(REGEX_FACTOR)).plus(call.arguments()))


def _contains(call: _CallSite) -> Estimate:
    assert call.target is not None
    text = call.size(call.target).scaled(STRING_FACTOR)
    return Estimate(text.product(call.size(call.args[0]).scaled(STRING_FACTOR)).plus(call.arguments()))


def _logical(call: _CallSite) -> Estimate:
    left, right = call.costs
    return Estimate(Range(left.low, left.plus(right).high))


def _conditional(call: _CallSite) -> Estimate:
    condition, true, false = call.costs
    first, second = call.args[1], call.args[2]
    size = call.size(first).union(call.size(second))
    estimator = call.estimator
    entries = estimator.entries_of(first)
    estimator.keep_entries_of(call.expr, None if entries is None else entries.union(estimator.entries_of(second)))
    return Estimate(condition.plus(true.union(false)), size)


def _concatenated(call: _CallSite) -> tuple[Range, Range]:
    size = call.size(call.args[0]).plus(call.size(call.args[1]))
    estimator = call.estimator
    entries = estimator.entries_of(call.args[0])
    estimator.keep_entries_of(call.expr, None if entries is None else entries.union(estimator.entries_of(call.args[1])))
    return size, call.arguments()


def _add_list(call: _CallSite) -> Estimate:
    size, arguments = _concatenated(call)
    return Estimate(ONE.plus(arguments), size)


def _add_text(call: _CallSite) -> Estimate:
    size, arguments = _concatenated(call)
    return Estimate(size.scaled(STRING_FACTOR).plus(arguments), size)


def _compared(call: _CallSite) -> Estimate:
    most = min(call.size(arg).high for arg in call.args)
    return Estimate(Range(1 if most else 0, most).scaled(STRING_FACTOR).plus(call.arguments()))


_COMPARED = [
    f"{order}_{kind}" for order in ("less", "less_equals", "greater", "greater_equals") for kind in ("string", "bytes")
]
_STANDARD: Mapping[str, Callable[[_CallSite], Estimate]] = {
    "string_format": _format,
    "string_to_bytes": _to_bytes,
    "bytes_to_string": _from_bytes,
    "strings_quote": _quote,
    "starts_with_string": _of_first,
    "ends_with_string": _of_first,
    "in_list": _in_list,
    "matches": _matches,
    "matches_string": _matches,
    "contains_string": _contains,
    "logical_and": _logical,
    "logical_or": _logical,
    "conditional": _conditional,
    "add_list": _add_list,
    "add_string": _add_text,
    "add_bytes": _add_text,
    "equals": _compared,
    "not_equals": _compared,
    **dict.fromkeys(_COMPARED, _compared),
}


# --- the extension libraries, by overload -------------------------------------------------------------------------------


def _allocating(factor: float, size: Range) -> Estimate:
    return Estimate(size.scaled(factor).plus(ONE).plus(exactly(LIST_BASE)), size)


def _number_written(node: Node, otherwise: int) -> int:
    """The value of an integer literal."""
    expr = node.expr
    value = expr.value if isinstance(expr, Literal) and expr.kind == "int" else None
    return max(value, 0) if isinstance(value, int) else otherwise


def _slice(call: _CallSite) -> Estimate | None:
    assert call.target is not None
    start = _number_written(call.args[0], 0)
    end = _number_written(call.args[1], call.size(call.target).high)
    return _allocating(1, exactly(end - start & MOST))


def _range(call: _CallSite) -> Estimate | None:
    return _allocating(1, exactly(_number_written(call.args[0], MOST)))


def _reverse(call: _CallSite) -> Estimate | None:
    assert call.target is not None
    return _allocating(1, call.size(call.target))


def _flatten(call: _CallSite) -> Estimate | None:
    assert call.target is not None
    depth = _number_written(call.args[0], MOST) if call.args else 1
    return _allocating(float(depth), call.size(call.target))


def _distinct(call: _CallSite) -> Estimate | None:
    assert call.target is not None
    size = call.size(call.target)
    return _allocating(2.0, size.product(size))


def _sort(factor: float) -> Callable[[_CallSite], Estimate | None]:
    def priced(call: _CallSite) -> Estimate | None:
        node = call.args[0] if call.args else call.target
        assert node is not None
        size = call.size(node)
        return _allocating(factor, size.product(size))

    return priced


def _sets(factor: float) -> Callable[[_CallSite], Estimate | None]:
    def priced(call: _CallSite) -> Estimate | None:
        return Estimate(call.size(call.args[0]).product(call.size(call.args[1])).scaled(factor).plus(ONE))

    return priced


_SORTED = ("int", "uint", "double", "bool", "google.protobuf.Duration", "google.protobuf.Timestamp", "string", "bytes")
_EXTENSIONS: Mapping[str, Callable[[_CallSite], Estimate | None]] = {
    "list_slice": _slice,
    "list_flatten": _flatten,
    "list_flatten_int": _flatten,
    "lists_range": _range,
    "list_reverse": _reverse,
    "list_distinct": _distinct,
    "list_sets_contains_list": _sets(1),
    "list_sets_intersects_list": _sets(1),
    "list_sets_equivalent_list": _sets(2),
    **{
        f"list_{kind}_{how}": _sort(2.0 + (STRING_FACTOR if kind in ("string", "bytes") else 0))
        for kind in _SORTED
        for how in ("sort", "sortByAssociatedKeys")
    },
}


# --- Kubernetes' own functions, by name ---------------------------------------------------------------------------------


def _constant(cost: int) -> Callable[[_CallSite, str], Estimate | None]:
    return lambda _call, _overload: Estimate(exactly(cost))


def _element(call: _CallSite, node: Node) -> Node | None:
    """The elements of a list."""
    if not node.type.params:
        return None
    return Node(path=(*node.path, "@items") if node.path else (), type=node.type.params[0], expr=None, size=None)


def _traversal(call: _CallSite, _overload: str) -> Estimate | None:
    if call.target is None:
        return None
    element = _element(call, call.target)
    size = call.size(call.target)
    if element is None and call.function != "includes":
        return Estimate(size.scaled(STRING_FACTOR))
    each = ONE
    if element is not None and element.type.kind in ("string", "bytes"):
        each = each.plus(call.size(element).scaled(STRING_FACTOR))
    return Estimate(size.product(each))


def _of_argument(call: _CallSite, _overload: str) -> Estimate | None:
    return Estimate(call.size(call.args[0]).scaled(STRING_FACTOR)) if call.args else None


def _url(call: _CallSite, _overload: str) -> Estimate | None:
    size = call.size(call.args[0])
    return Estimate(size.scaled(STRING_FACTOR), size)


def _transformed(call: _CallSite, _overload: str) -> Estimate | None:
    if call.target is None:
        return None
    size = call.size(call.target)
    return Estimate(size.scaled(STRING_FACTOR), size)


def _replace(call: _CallSite, _overload: str) -> Estimate | None:
    if call.target is None:
        return None
    text, old, new = call.size(call.target), call.size(call.args[0]), call.size(call.args[1])
    most, kept_most = _most_replacements(text.high, old.low, new.high)
    least, kept_least = _least_replacements(text.low, old.high, new.low)
    size = Range(least, most).product(new).plus(Range(kept_least, kept_most))
    return Estimate(text.scaled(2 * STRING_FACTOR), size)


def _most_replacements(text: int, old: int, new: int) -> tuple[int, int]:
    """How often the shortest possible text is replaced, and how much of the original stays."""
    if old == 0:
        return min(text + 1, MOST), text
    return (0, text) if new <= old else (math.ceil(float(text) / float(old)) & MOST, 0)


def _least_replacements(text: int, old: int, new: int) -> tuple[int, int]:
    if old == 0:
        return min(text + 1, MOST), text
    return (0, text) if old <= new else (math.ceil(float(text) / float(old)), 0)


def _split(call: _CallSite, _overload: str) -> Estimate | None:
    if call.target is None:
        return None
    text = call.size(call.target)
    most = text.high
    if len(call.args) > 1 and isinstance(call.args[1].expr, Literal) and isinstance(call.args[1].expr.value, int):
        most = call.args[1].expr.value & MOST
    return Estimate(text.scaled(2 * STRING_FACTOR), Range(0, most))


def _join(call: _CallSite, _overload: str) -> Estimate | None:
    if call.target is None:
        return None
    count = call.size(call.target)
    element = _element(call, call.target)
    size = NOTHING if element is None else count.product(call.size(element))
    if call.args:
        size = size.plus(call.size(call.args[0]).product(Range(max(count.low - 1, 0), max(count.high - 1, 0))))
    return Estimate(size.scaled(STRING_FACTOR), size)


def _find(call: _CallSite, _overload: str) -> Estimate | None:
    if call.target is None:
        return None
    text = call.size(call.target)
    cost = text.plus(ONE).scaled(STRING_FACTOR).product(call.size(call.args[0]).scaled(REGEX_FACTOR))
    return Estimate(cost, Range(0, text.high))


def _ip(call: _CallSite, overload: str) -> Estimate | None:
    return Estimate(ONE) if overload == "cidr_ip" else _of_argument(call, overload)


def _canonical(call: _CallSite, _overload: str) -> Estimate | None:
    return Estimate(call.size(call.args[0]).scaled(2 * STRING_FACTOR))


_ADDRESS = Range(4, 16)


def _contains_ip(call: _CallSite, overload: str) -> Estimate | None:
    cost = _ADDRESS.plus(_ADDRESS).scaled(STRING_FACTOR)
    if overload == "cidr_contains_ip_string":
        cost = cost.plus(call.size(call.args[0]).scaled(STRING_FACTOR))
    return Estimate(cost)


def _contains_cidr(call: _CallSite, overload: str) -> Estimate | None:
    cost = _ADDRESS.plus(_ADDRESS).scaled(STRING_FACTOR).plus(_ADDRESS.scaled(STRING_FACTOR)).plus(ONE)
    if overload == "cidr_contains_cidr_string":
        cost = cost.plus(call.size(call.args[0]).scaled(STRING_FACTOR))
    return Estimate(cost)


_FORMAT_REGEX, _FORMAT_SIZE = 128, 64


def _validate(call: _CallSite, _overload: str) -> Estimate | None:
    return Estimate(call.size(call.args[0]).scaled(STRING_FACTOR).scaled(_FORMAT_REGEX * REGEX_FACTOR))


def _selector(call: _CallSite, _overload: str) -> Estimate | None:
    length = call.size(call.args[0])
    requirements = length.scaled(0.5).scaled(LIST_BASE + STRUCT_BASE)
    return Estimate(exactly(LIST_BASE).plus(length.scaled(STRING_FACTOR)).plus(requirements))


_EQUAL_AT_ONCE = frozenset(
    ["kubernetes.Quantity", "kubernetes.Semver", "net.IP", "net.CIDR"]
    + [
        f"kubernetes.authorization.{each}"
        for each in ("Authorizer", "PathCheck", "GroupCheck", "ResourceCheck", "Decision")
    ]
)


def _equal(call: _CallSite, _overload: str) -> Estimate | None:
    left, right = call.args
    if left.type != right.type:
        return None
    if left.type.name in _EQUAL_AT_ONCE:
        return Estimate(ONE)
    if left.type.name == "kubernetes.NamedFormat":
        return Estimate(Range(1, _FORMAT_SIZE).scaled(STRING_FACTOR))
    if left.type.name == "kubernetes.URL":
        return Estimate(Range(1, 1 if right.size is None else right.size.high).scaled(STRING_FACTOR))
    return None


def _named(
    names: str, price: Callable[[_CallSite, str], Estimate | None]
) -> Mapping[str, Callable[[_CallSite, str], Estimate | None]]:
    return dict.fromkeys(names.split(), price)


_LIBRARY: Mapping[str, Callable[[_CallSite, str], Estimate | None]] = {
    **_named("check", _constant(350_000)),
    **_named(
        "serviceAccount path group resource subresource namespace name allowed reason error errored", _constant(1)
    ),
    **_named("fieldSelector labelSelector", _selector),
    **_named("isSorted sum max min indexOf lastIndexOf includes", _traversal),
    **_named("url", _url),
    **_named("lowerAscii upperAscii substring trim", _transformed),
    **_named("replace", _replace),
    **_named("split", _split),
    **_named("join", _join),
    **_named("find findAll", _find),
    **_named("cidr isIP isCIDR quantity isQuantity semver isSemver", _of_argument),
    **_named("ip", _ip),
    **_named("ip.isCanonical", _canonical),
    **_named("masked prefixLength family isUnspecified isLoopback", _constant(1)),
    **_named("isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast", _constant(1)),
    **_named("containsIP", _contains_ip),
    **_named("containsCIDR", _contains_cidr),
    **_named("validate", _validate),
    **_named("format.named", _constant(1)),
    **_named("sign asInteger isInteger asApproximateFloat isGreaterThan isLessThan compareTo", _constant(1)),
    **_named("add sub major minor patch", _constant(1)),
    **_named("getScheme getHostname getHost getPort getEscapedPath getQuery", _constant(1)),
    **_named("_==_", _equal),
}
