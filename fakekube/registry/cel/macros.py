"""The macros that the parser leaves as calls: comprehensions of two variables, `sortBy`, and `cel.bind` where it is known.

Source: the ext library of cel-go 0.29 (comprehensions.go, lists.go).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace

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

ACCUMULATOR = "@result"
_SORT_INPUT = "@__sortBy_input__"


class MacroFault(Exception):
    """Macros whose arguments do not fit: (node, message) of each."""

    def __init__(self, faults: list[tuple[int, str]]) -> None:
        super().__init__(faults)
        self.faults = faults


def expanded(expr: Expr, positions: MutableMapping[int, int], *, binds: bool = False) -> Expr:
    """The tree without calls of these macros; new nodes stand where the macro stood. MacroFault when some do not fit.

    `binds`: `cel.bind` is one of them.
    """
    expander = _Expander(positions=positions, last=max(positions, default=0), faults=[], binds=binds)
    result = expander.within(expr)
    if expander.faults:
        raise MacroFault(expander.faults)
    return result


@dataclass(slots=True, kw_only=True)
class _Expander:
    positions: MutableMapping[int, int]
    last: int
    faults: list[tuple[int, str]]
    binds: bool
    at: int = 0
    """Where nodes that are made now stand."""

    def within(self, expr: Expr) -> Expr:
        match expr:
            case Select():
                return replace(expr, operand=self.within(expr.operand))
            case Call():
                return self._call(expr)
            case ListLiteral():
                return replace(expr, elements=tuple(map(self.within, expr.elements)))
            case MapLiteral():
                entries = [
                    replace(each, key=self.within(each.key), value=self.within(each.value)) for each in expr.entries
                ]
                return replace(expr, entries=tuple(entries))
            case StructLiteral():
                return replace(expr, fields=tuple(replace(each, value=self.within(each.value)) for each in expr.fields))
            case Comprehension():
                return replace(
                    expr,
                    range=self.within(expr.range),
                    init=self.within(expr.init),
                    condition=self.within(expr.condition),
                    step=self.within(expr.step),
                    result=self.within(expr.result),
                )
            case _:
                return expr

    def _call(self, call: Call) -> Expr:
        target = None if call.target is None else self.within(call.target)
        call = replace(call, target=target, args=tuple(map(self.within, call.args)))
        macro = _MACROS.get((call.function, len(call.args)))
        if self.binds and (call.function, len(call.args)) == ("bind", 3) and _is_cel(target):
            macro = _bind_name
        if macro is None or target is None:
            return call
        self.at = self.positions.get(call.id, -1)
        return macro(self, call, target)

    def id(self) -> int:
        self.last += 1
        self.positions[self.last] = self.at
        return self.last

    # --- nodes

    def ident(self, name: str) -> Ident:
        return Ident(id=self.id(), name=name)

    def literal(self, kind: str, value: bool | int) -> Literal:
        return Literal(id=self.id(), kind=kind, value=value)

    def apply(self, function: str, *args: Expr) -> Call:
        return Call(id=self.id(), function=function, args=args)

    def accumulated(self) -> Ident:
        return self.ident(ACCUMULATOR)

    def unless(self, condition: Expr | None, step: Expr) -> Expr:
        """The step, or the accumulator as it is where `condition` is false."""
        return step if condition is None else self.apply("_?_:_", condition, step, self.accumulated())

    def fold(self, call: Call, target: Expr, init: Expr, condition: Expr, step: Expr, result: Expr) -> Expr:
        first, second = self.variables(call)
        return Comprehension(
            id=self.id(),
            range=target,
            variable=first,
            variable2=second,
            accumulator=ACCUMULATOR,
            init=init,
            condition=condition,
            step=step,
            result=result,
        )

    def variables(self, call: Call) -> tuple[str, str]:
        names: list[str] = []
        for arg in call.args[:2]:
            if not isinstance(arg, Ident):
                self.faults.append((arg.id, "argument must be a simple name"))
                return "", ""
            names.append(arg.name)
        if names[0] == names[1]:
            self.faults.append((call.args[1].id, f"duplicate variable name: {names[0]}"))
        for arg, name in zip(call.args, names, strict=False):
            if name in (ACCUMULATOR, "__result__"):
                self.faults.append((arg.id, "iteration variable overwrites accumulator variable"))
        return names[0], names[1]


def _all(make: _Expander, call: Call, target: Expr) -> Expr:
    condition = make.apply("@not_strictly_false", make.accumulated())
    step = make.apply("_&&_", make.accumulated(), call.args[2])
    return make.fold(call, target, make.literal("bool", True), condition, step, make.accumulated())


def _exists(make: _Expander, call: Call, target: Expr) -> Expr:
    condition = make.apply("@not_strictly_false", make.apply("!_", make.accumulated()))
    step = make.apply("_||_", make.accumulated(), call.args[2])
    return make.fold(call, target, make.literal("bool", False), condition, step, make.accumulated())


def _exists_one(make: _Expander, call: Call, target: Expr) -> Expr:
    more = make.apply("_+_", make.accumulated(), make.literal("int", 1))
    step = make.apply("_?_:_", call.args[2], more, make.accumulated())
    result = make.apply("_==_", make.accumulated(), make.literal("int", 1))
    return make.fold(call, target, make.literal("int", 0), make.literal("bool", True), step, result)


def _filter_and_transform(call: Call) -> tuple[Expr | None, Expr]:
    return (call.args[2], call.args[3]) if len(call.args) == 4 else (None, call.args[2])


def _transform_list(make: _Expander, call: Call, target: Expr) -> Expr:
    condition, transform = _filter_and_transform(call)
    step = make.apply("_+_", make.accumulated(), ListLiteral(id=make.id(), elements=(transform,)))
    init = ListLiteral(id=make.id(), elements=())
    step_if = make.unless(condition, step)
    return make.fold(call, target, init, make.literal("bool", True), step_if, make.accumulated())


def _transform_map(make: _Expander, call: Call, target: Expr) -> Expr:
    condition, transform = _filter_and_transform(call)
    key = call.args[0]
    name = key.name if isinstance(key, Ident) else ""
    step = make.apply("cel.@mapInsert", make.accumulated(), make.ident(name), transform)
    return _into_map(make, call, target, make.unless(condition, step))


def _transform_map_entry(make: _Expander, call: Call, target: Expr) -> Expr:
    condition, transform = _filter_and_transform(call)
    step = make.apply("cel.@mapInsert", make.accumulated(), transform)
    return _into_map(make, call, target, make.unless(condition, step))


def _into_map(make: _Expander, call: Call, target: Expr, step: Expr) -> Expr:
    init = MapLiteral(id=make.id(), entries=())
    return make.fold(call, target, init, make.literal("bool", True), step, make.accumulated())


def _sort_by(make: _Expander, call: Call, target: Expr) -> Expr:
    """Binds the list, and sorts it by the list of its keys."""
    variable = call.args[0]
    if isinstance(target, Literal | MapLiteral | StructLiteral):
        told = "sortBy can only be applied to a list, identifier, comprehension, call or select expression"
        make.faults.append((target.id, told))
    if not isinstance(variable, Ident):
        make.faults.append((variable.id, "argument is not an identifier"))
        return target
    keys = Comprehension(
        id=make.id(),
        range=make.ident(_SORT_INPUT),
        variable=variable.name,
        variable2="",
        accumulator=ACCUMULATOR,
        init=ListLiteral(id=make.id(), elements=()),
        condition=make.literal("bool", True),
        step=make.apply("_+_", make.accumulated(), ListLiteral(id=make.id(), elements=(call.args[1],))),
        result=make.accumulated(),
    )
    by = Call(id=make.id(), function="@sortByAssociatedKeys", target=make.ident(_SORT_INPUT), args=(keys,))
    return _bound(make, _SORT_INPUT, target, by)


def _is_cel(target: Expr | None) -> bool:
    return isinstance(target, Ident) and target.name == "cel"


def _bind_name(make: _Expander, call: Call, target: Expr) -> Expr:
    """`cel.bind(name, value, result)`"""
    name, value, result = call.args
    if not isinstance(name, Ident):
        make.faults.append((name.id, "cel.bind() variable names must be simple identifiers"))
        return target
    return _bound(make, name.name, value, result)


def _bound(make: _Expander, name: str, value: Expr, result: Expr) -> Expr:
    """A fold over nothing: its accumulator is the name, and stays what it was at the start."""
    return Comprehension(
        id=make.id(),
        range=ListLiteral(id=make.id(), elements=()),
        variable="#unused",
        variable2="",
        accumulator=name,
        init=value,
        condition=make.literal("bool", False),
        step=make.ident(name),
        result=result,
    )


_MACROS: Mapping[tuple[str, int], Callable[[_Expander, Call, Expr], Expr]] = {
    ("all", 3): _all,
    ("exists", 3): _exists,
    ("existsOne", 3): _exists_one,
    ("exists_one", 3): _exists_one,
    ("transformList", 3): _transform_list,
    ("transformList", 4): _transform_list,
    ("transformMap", 3): _transform_map,
    ("transformMap", 4): _transform_map,
    ("transformMapEntry", 3): _transform_map_entry,
    ("transformMapEntry", 4): _transform_map_entry,
    ("sortBy", 2): _sort_by,
}
