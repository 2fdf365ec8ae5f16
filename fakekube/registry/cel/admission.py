"""Expressions of admission, run: over an object and what it replaces, its namespace, the request, parameters and
variables, within a budget.

Source: k8s.io/apiserver/pkg/admission/plugin/cel (condition.go, activation.go, composition.go) of 1.37.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fakekube.meta.objects import KubeObject
from fakekube.registry.authorizer import Attributes, Authorizer
from fakekube.registry.cel.authorizers import AuthorizerValue, ResourceCheck
from fakekube.registry.cel.expressions import AdmissionExpressions
from fakekube.registry.cel.metering import Meter
from fakekube.registry.cel.plain import plain
from fakekube.registry.cel.program import Program, program
from fakekube.registry.cel.rules import BUDGET, PER_CALL_LIMIT, Uncompilable
from fakekube.registry.cel.values import MISSING, CelError, Mapper
from fakekube.registry.users import UserInfo

# What all match conditions of one webhook or policy may cost together; one policy's validations have `BUDGET`.
MATCH_BUDGET = BUDGET // 4
_NAMES = (
    "object",
    "oldObject",
    "namespaceObject",
    "request",
    "params",
    "authorizer",
    "authorizer.requestResource",
    "variables",
)
_OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"


class OutOfBudget(CelError):
    """Nothing more is run for this object."""

    def __init__(self) -> None:
        super().__init__(_OUT_OF_BUDGET)


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression that may be run; `fault` says why it may not."""

    text: str
    program: Program | None
    fault: str = ""


class Conditions:
    """The expressions of one webhook or policy, compiled with the variables that were declared before them."""

    def __init__(self, *, has_params: bool = False, variables: Sequence[KubeObject] | None = None) -> None:
        self._known = AdmissionExpressions(has_params=has_params, variables=None if variables is None else {})
        self.variables: dict[str, Condition] = {}
        for variable in variables or ():
            self.variables[variable["name"]] = self.compile(variable["expression"])
            self._known.add_variable(variable["name"], variable["expression"])

    def compile(self, text: str, *, authorizer: bool = True) -> Condition:
        try:
            checked = self._known.checked(text, authorizer=authorizer)
        except Uncompilable as error:
            return Condition(text, None, f"compilation error: {error}")
        return Condition(text, program(checked, _NAMES, Meter(PER_CALL_LIMIT)))


@dataclass(slots=True)
class Budget:
    """What is left to spend; variables are charged to whoever asked for them first."""

    left: int = BUDGET

    def spend(self, units: int) -> None:
        if units > self.left:
            self.left = -1
            raise OutOfBudget
        self.left -= units


class Activation:
    """The values of all names, for one object and one set of parameters."""

    def __init__(
        self,
        *,
        obj: KubeObject | None,
        old: KubeObject | None,
        namespace: KubeObject | None,
        request: KubeObject,
        user: UserInfo,
        authorizer: Authorizer,
        params: KubeObject | None = None,
        variables: Mapping[str, Condition] | None = None,
    ) -> None:
        self._variables = _Variables(self, variables or {})
        resource = request["resource"]
        act = Attributes(
            user=user,
            verb="",
            group=resource["group"],
            resource=resource["resource"],
            subresource=request.get("subResource", ""),
            namespace=request.get("namespace", ""),
            name=request.get("name", ""),
        )
        self._values = (
            plain(obj),
            plain(old),
            plain(namespace),
            plain(request),
            plain(params),
            AuthorizerValue(authorizer, user),
            ResourceCheck(authorizer, act),
            self._variables,
        )

    def evaluate(self, condition: Condition, budget: Budget) -> object:
        """What the expression comes to. CelError in the words of admission, OutOfBudget when there is no more."""
        if condition.program is None:
            raise CelError(condition.fault)
        try:
            return self.run(condition.program, budget.spend)
        except OutOfBudget:
            raise
        except CelError as error:
            raise CelError(f"expression '{condition.text}' resulted in error: {error.message}") from None

    def run(self, compiled: Program, spend: Callable[[int], None]) -> object:
        """The value; what variables and the expression itself cost is spent, also for an error."""
        meter = compiled.meter
        assert meter is not None
        meter.reset()
        try:
            return compiled.run(*self._values)
        finally:
            spend(self._variables.charged())
            spend(meter.spent)


@dataclass(slots=True, eq=False)
class _Variables(Mapper):
    """`variables`: each is evaluated when it is first named, at most once."""

    activation: Activation
    conditions: Mapping[str, Condition]
    known: dict[str, object] = field(default_factory=dict)
    cost: int = 0

    def find(self, key: object) -> object:
        name = str(key)
        if name not in self.conditions:
            return MISSING
        if name not in self.known:
            self.known[name] = self._evaluated(name)
        value = self.known[name]
        if isinstance(value, CelError):
            raise value
        return value

    def _evaluated(self, name: str) -> object:
        condition = self.conditions[name]
        if condition.program is None:
            return CelError(f'composited variable "{name}" fails to compile: {condition.fault}')
        try:
            return self.activation.run(condition.program, self._charge)
        except CelError as error:
            return CelError(f'composited variable "{name}" fails to evaluate: {error.message}')

    def _charge(self, units: int) -> None:
        self.cost += units

    def charged(self) -> int:
        """What was spent on variables since the last time."""
        cost, self.cost = self.cost, 0
        return cost

    def keys(self) -> list[object]:
        return list(self.conditions)

    def size(self) -> int:
        return len(self.conditions)

    def equals(self, other: object) -> bool:
        return self is other
