"""A checked expression as nested closures: what a rule is when it runs.

Two programs may be made of one expression: a plain one, and a metered one that counts what it costs. Where the types
are known the closures do what Python does; elsewhere the values decide.
Source: cel-go 0.29 (interpreter/planner.go, interpretable.go, attributes.go).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fakekube.registry.cel import operators
from fakekube.registry.cel.celtypes import Type
from fakekube.registry.cel.check import Checked
from fakekube.registry.cel.data import ObjectData
from fakekube.registry.cel.declarations import TYPE_NAMES, overload_by_id
from fakekube.registry.cel.functions import IMPLEMENTATIONS, dispatched
from fakekube.registry.cel.metering import CostExceeded, Meter, cost_of
from fakekube.registry.cel.ranges import LIST_BASE, MAP_BASE
from fakekube.registry.cel.tree import (
    Call,
    Comprehension,
    Expr,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Select,
)
from fakekube.registry.cel.values import (
    CelError,
    Mapper,
    MapValue,
    Optional,
    TypeValue,
    Uint,
    elements,
    go_type,
    is_list,
    map_key,
    no_such_overload,
)

Frame = list[object]
"""Values of variables, by their slots."""
Step = Callable[[Frame], object]

_SCALARS = frozenset(["bool", "int", "string"])
_FAST: Mapping[str, Callable[..., object]] = {
    "_<_": operator.lt,
    "_<=_": operator.le,
    "_>_": operator.gt,
    "_>=_": operator.ge,
    "_==_": operator.eq,
    "_!=_": operator.ne,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """`run` takes the values of the variables in the order of `variables`. CelError when it comes to no value."""

    step: Step
    size: int
    variables: int
    meter: Meter | None

    def run(self, *values: object) -> object:
        return self.step([*values, *([None] * (self.size - self.variables))])


def program(checked: Checked, variables: Sequence[str], meter: Meter | None = None) -> Program:
    """The program of an expression over these variables."""
    planner = _Planner(checked=checked, meter=meter, slots={name: [slot] for slot, name in enumerate(variables)})
    planner.size = len(variables)
    step = planner.plan(checked.expr)
    return Program(step=step, size=planner.size, variables=len(variables), meter=meter)


@dataclass(slots=True, kw_only=True)
class _Planner:
    checked: Checked
    meter: Meter | None
    slots: dict[str, list[int]]
    size: int = 0

    def plan(self, expr: Expr) -> Step:
        match expr:
            case Literal():
                return _constant(Uint(str(expr.value)) if expr.kind == "uint" else expr.value)
            case Ident():
                return self._ident(expr)
            case Select():
                return self._select(expr)
            case Call():
                return self._call(expr)
            case ListLiteral():
                return self._list(expr)
            case MapLiteral():
                return self._map(expr)
            case Comprehension():
                return self._comprehension(expr)
            case _:
                raise TypeError("a checked expression makes no objects")

    def metered(self, step: Step, units: int) -> Step:
        """The step, counted where costs are."""
        if self.meter is None or units == 0:
            return step
        spend = self.meter.spend

        def counted(frame: Frame) -> object:
            value = step(frame)
            spend(units)
            return value

        return counted

    # --- names

    def _ident(self, expr: Ident) -> Step:
        stack = self.slots.get(self.checked.names[expr.id])
        if stack:
            # A leading dot passes by the names of loops.
            return self.metered(_variable(stack[0] if expr.name.startswith(".") else stack[-1]), 1)
        return self.metered(_constant(_type_value(self.checked.names[expr.id])), 1)

    def bind(self, name: str) -> int:
        """A slot for a variable that hides others of its name."""
        slot = self.size
        self.size += 1
        self.slots.setdefault(name, []).append(slot)
        return slot

    def _select(self, expr: Select) -> Step:
        name = self.checked.names.get(expr.id)
        if name is not None:
            # `net.IP` is a type, `authorizer.requestResource` a variable
            named = _variable(self.slots[name][0]) if name in self.slots else _constant(_type_value(name))
            return self.metered(named, 1)
        operand = self.plan(expr.operand)
        if expr.test_only:
            return _has(operand, expr.field)
        return self.metered(_field(operand, expr.field), 1)

    # --- literals

    def _list(self, expr: ListLiteral) -> Step:
        steps = [self.plan(each) for each in expr.elements]
        if not expr.optional:
            return self.metered(lambda frame: [step(frame) for step in steps], LIST_BASE)
        optional = expr.optional
        return self.metered(lambda frame: list(_present(steps, optional, frame)), LIST_BASE)

    def _map(self, expr: MapLiteral) -> Step:
        entries = [(self.plan(each.key), self.plan(each.value), each.optional) for each in expr.entries]
        return self.metered(lambda frame: _made_map(entries, frame), MAP_BASE)

    # --- calls

    def _call(self, expr: Call) -> Step:
        function, target = self.checked.function(expr), self.checked.target(expr)
        special = _SPECIAL.get(function)
        if special is not None:
            return special(self, expr)
        args = [*(() if target is None else (target,)), *expr.args]
        return self._counted(expr, function, self._operation(expr, function, args), [self.plan(arg) for arg in args])

    def _operation(self, expr: Call, function: str, args: Sequence[Expr]) -> Callable[..., object]:
        """What is done with the arguments' values."""
        types = [self.checked.types[arg.id] for arg in args]
        if function in _FAST and len({each.kind for each in types}) == 1 and types[0].kind in _SCALARS:
            return _null_aware(_FAST[function], operators.BINARY[function])
        if function in operators.BINARY:
            return operators.BINARY[function]
        if function in operators.UNARY:
            return operators.UNARY[function]
        overloads = self.checked.overloads[expr.id]
        by_value = dispatched(function, [overload_by_id()[each] for each in overloads])
        if len(overloads) == 1 and not any(map(_is_open, types)):
            return _null_aware(IMPLEMENTATIONS[overloads[0]], by_value)
        return by_value

    def _counted(self, expr: Call, function: str, operation: Callable[..., object], steps: Sequence[Step]) -> Step:
        cost = cost_of(function, self.checked.overloads[expr.id]) if self.meter else None
        if self.meter is None or cost is None:
            return self.metered(_applied(operation, steps), 1)
        spend = self.meter.spend

        def priced(frame: Frame) -> object:
            values = [step(frame) for step in steps]
            result = operation(*values)
            spend(cost(values, result))
            return result

        return priced

    def logical(self, expr: Call) -> Step:
        left, right = map(self.plan, expr.args)
        return _logical(left, right, decisive=expr.function == "_||_")

    def conditional(self, expr: Call) -> Step:
        condition, true, false = map(self.plan, expr.args)

        def choose(frame: Frame) -> object:
            held = condition(frame)
            if held is True:
                return true(frame)
            if held is False:
                return false(frame)
            raise no_such_overload()

        return choose

    def optional_select(self, expr: Call) -> Step:
        operand, name = expr.args
        read = self.plan(operand)
        key = name.value if isinstance(name, Literal) else ""
        return self.metered(lambda frame: operators.optional_index(read(frame), key), 1)

    def optional_or(self, expr: Call) -> Step:
        assert expr.target is not None
        first, second = self.plan(expr.target), self.plan(expr.args[0])
        unwraps = expr.function == "orValue"

        def choose(frame: Frame) -> object:
            value = first(frame)
            if not isinstance(value, Optional):
                raise no_such_overload()
            if value.present:
                return value.value if unwraps else value
            return second(frame)

        return choose

    def not_strictly_false(self, expr: Call) -> Step:
        return self.metered(self.plan(expr.args[0]), 1)

    # --- comprehensions

    def _comprehension(self, expr: Comprehension) -> Step:
        init = self.plan(expr.init)
        ranged = self.plan(expr.range)
        accumulator = self.bind(expr.accumulator)
        if isinstance(expr.condition, Literal) and expr.condition.value is False:
            step = _bound(accumulator, init, self.plan(expr.result))
        else:
            step = self._fold(expr, ranged, init, accumulator)
        self.slots[expr.accumulator].pop()
        return step

    def _fold(self, expr: Comprehension, ranged: Step, init: Step, accumulator: int) -> Step:
        slots = [self.bind(name) for name in (expr.variable, expr.variable2) if name]
        quantifier = _quantified(expr)
        if quantifier is not None:
            predicate, wanted = quantifier
            loop = self.metered(self.plan(predicate), 4 if wanted else 3)
            step = _quantifier(ranged, loop, slots, wanted)
        else:
            condition, grow = self.plan(expr.condition), self._growing(expr, accumulator)
            step = _folded(ranged, init, condition, grow, accumulator, slots)
        for name in (expr.variable, expr.variable2):
            if name:
                self.slots[name].pop()
        if quantifier is not None:
            return self.metered(step, 1)
        result = self.plan(expr.result)

        def whole(frame: Frame) -> object:
            step(frame)
            return result(frame)

        return whole

    def _growing(self, expr: Comprehension, accumulator: int) -> Step:
        """The loop's step; a list that grows by one element is appended to, not copied."""
        grown = _appended(expr)
        if grown is None:
            return self.plan(expr.step)
        condition, element = grown
        # The accumulator is named, a list of one is made, and the two are joined.
        append = self.metered(_append(self.plan(element), accumulator), LIST_BASE + 2)
        if condition is None:
            return append
        held, unchanged = self.plan(condition), self.metered(_variable(accumulator), 1)

        def maybe(frame: Frame) -> object:
            answer = held(frame)
            if type(answer) is not bool:
                raise no_such_overload()
            return append(frame) if answer else unchanged(frame)

        return maybe


_SPECIAL: Mapping[str, Callable[[_Planner, Call], Step]] = {
    "_&&_": _Planner.logical,
    "_||_": _Planner.logical,
    "_?_:_": _Planner.conditional,
    "_?._": _Planner.optional_select,
    "or": _Planner.optional_or,
    "orValue": _Planner.optional_or,
    "@not_strictly_false": _Planner.not_strictly_false,
}


def _is_open(kind: Type) -> bool:
    """Whether a value may be of another type than the checker thinks."""
    return kind.kind in ("dyn", "any", "error") or any(map(_is_open, kind.params))


def _null_aware(operation: Callable[..., object], otherwise: Callable[..., object]) -> Callable[..., object]:
    """Types say nothing of nulls: where one is among the arguments, the values decide."""
    return lambda *args: otherwise(*args) if None in args else operation(*args)


def _type_value(name: str) -> TypeValue:
    kind = TYPE_NAMES[name].params[0]
    return TypeValue(kind.name)


# --- steps --------------------------------------------------------------------------------------------------------------


def _constant(value: object) -> Step:
    return lambda frame: value


def _variable(slot: int) -> Step:
    def read(frame: Frame) -> object:
        value = frame[slot]
        if isinstance(value, CelError):
            raise value
        return value

    return read


def _applied(operation: Callable[..., object], steps: Sequence[Step]) -> Step:
    if len(steps) == 2:
        left, right = steps
        return lambda frame: operation(left(frame), right(frame))
    if len(steps) == 1:
        [only] = steps
        return lambda frame: operation(only(frame))
    return lambda frame: operation(*[step(frame) for step in steps])


def _field(operand: Step, name: str) -> Step:
    def read(frame: Frame) -> object:
        value = operand(frame)
        if type(value) is ObjectData:
            # What ObjectData.find does, without the call: most of what rules do is this.
            found = value.node.fields.get(name)
            raw = None if found is None else value.raw.get(found[0])
            if raw is None or found is None:
                raise CelError(f"no such key: {name}")
            return found[1].read(raw)
        return operators.index(value, name)

    return read


def _has(operand: Step, name: str) -> Step:
    return lambda frame: operators.has(operand(frame), name)


def _present(steps: Sequence[Step], optional: frozenset[int], frame: Frame) -> Iterator[object]:
    for place, step in enumerate(steps):
        value = step(frame)
        if place not in optional:
            yield value
        elif not isinstance(value, Optional):
            raise CelError(f"cannot initialize optional list element from non-optional value {value}")
        elif value.present:
            yield value.value


def _made_map(entries: Sequence[tuple[Step, Step, bool]], frame: Frame) -> MapValue:
    made: dict[object, tuple[object, object]] = {}
    for key_step, value_step, optional in entries:
        key, value = key_step(frame), value_step(frame)
        if optional:
            if not isinstance(value, Optional):
                raise CelError(f"cannot initialize optional entry '{key}' from non-optional value {value}")
            if not value.present:
                made.pop(map_key(key), None)
                continue
            value = value.value
        made[map_key(key)] = key, value
    return MapValue(made)


def _logical(left: Step, right: Step, decisive: bool) -> Step:
    """&& (false decides) and || (true decides): what decides wins over an error on either side."""

    def logical(frame: Frame) -> object:
        first = _kept(left, frame)
        if first is decisive:
            return decisive
        second = _kept(right, frame)
        if second is decisive:
            return decisive
        for value in (first, second):
            if type(value) is not bool:
                raise value if isinstance(value, CelError) else no_such_overload()
        return not decisive

    return logical


def _kept(step: Step, frame: Frame) -> object:
    """The value, or the error that it came to."""
    try:
        return step(frame)
    except CostExceeded:
        raise
    except CelError as error:
        return error


# --- loops --------------------------------------------------------------------------------------------------------------


def _singles(value: object) -> Sequence[object]:
    """What one variable runs over: elements of a list, keys of a map."""
    if is_list(value):
        return elements(value)
    if isinstance(value, Mapper):
        return value.keys()
    raise CelError(f"got '{go_type(value)}', expected iterable type")


def _pairs(value: object) -> Iterator[tuple[object, object]]:
    """What two variables run over."""
    if is_list(value):
        return iter(enumerate(elements(value)))
    if isinstance(value, Mapper):
        return value.items()
    raise CelError(f"unsupported comprehension range type: {go_type(value)}")


def _turns(ranged: Step, slots: Sequence[int], frame: Frame) -> Iterator[None]:
    """Sets the loop's variables, turn by turn."""
    if len(slots) == 1:
        [slot] = slots
        for value in _singles(ranged(frame)):
            frame[slot] = value
            yield
        return
    first, second = slots
    for key, value in _pairs(ranged(frame)):
        frame[first] = key
        frame[second] = value
        yield


def _quantifier(ranged: Step, predicate: Step, slots: Sequence[int], wanted: bool) -> Step:
    """exists (`wanted`) and all (not `wanted`): the first such answer ends the loop, and outdoes errors before it."""

    def quantified(frame: Frame) -> object:
        failed: CelError | None = None
        for _ in _turns(ranged, slots, frame):
            try:
                answer = predicate(frame)
            except CostExceeded:
                raise
            except CelError as error:
                failed = failed or error
                continue
            if answer is wanted:
                return wanted
            if type(answer) is not bool:
                failed = failed or no_such_overload()
        if failed is not None:
            raise failed
        return not wanted

    return quantified


def _quantified(expr: Comprehension) -> tuple[Expr, bool] | None:
    """The predicate of `all` and `exists`, and the answer that ends it; None for other folds."""
    step = expr.step
    if not isinstance(step, Call) or step.function not in ("_&&_", "_||_") or not isinstance(expr.result, Ident):
        return None
    first = step.args[0]
    if not isinstance(first, Ident) or first.name != expr.accumulator:
        return None
    return step.args[1], step.function == "_||_"


def _folded(ranged: Step, init: Step, condition: Step, grow: Step, accumulator: int, slots: Sequence[int]) -> Step:
    """A fold keeps an error as its value, so that a later turn may still come to a result."""

    def folded(frame: Frame) -> object:
        frame[accumulator] = init(frame)
        for _ in _turns(ranged, slots, frame):
            if condition(frame) is False:
                break
            try:
                frame[accumulator] = grow(frame)
            except CostExceeded:
                raise
            except CelError as error:
                frame[accumulator] = error
        return frame[accumulator]

    return folded


def _appended(expr: Comprehension) -> tuple[Expr | None, Expr] | None:
    """Condition and element, when a fold only ever adds one element to a list that it made."""
    if not isinstance(expr.init, ListLiteral):
        return None
    step, condition = expr.step, None
    if isinstance(step, Call) and step.function == "_?_:_":
        condition, step = step.args[0], step.args[1]
    if not isinstance(step, Call) or step.function != "_+_":
        return None
    first, added = step.args
    if not isinstance(first, Ident) or first.name != expr.accumulator or not isinstance(added, ListLiteral):
        return None
    return (condition, added.elements[0]) if len(added.elements) == 1 and not added.optional else None


def _append(element: Step, accumulator: int) -> Step:
    def append(frame: Frame) -> object:
        value = element(frame)
        grown = frame[accumulator]
        if isinstance(grown, CelError):
            raise grown
        grown.append(value)  # type: ignore[attr-defined]  # a list of the fold's own
        return grown

    return append


def _bound(slot: int, init: Step, result: Step) -> Step:
    def bound(frame: Frame) -> object:
        frame[slot] = init(frame)
        return result(frame)

    return bound
