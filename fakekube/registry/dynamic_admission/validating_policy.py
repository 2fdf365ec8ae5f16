"""A ValidatingAdmissionPolicy, compiled, and what it says to one write.

Source: k8s.io/apiserver/pkg/admission/plugin/policy/validating/validator.go of 1.37.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from fakekube.meta.objects import KubeObject
from fakekube.registry.cel.admission import Activation, Budget, Condition, Conditions
from fakekube.registry.cel.values import CelError
from fakekube.registry.dynamic_admission.match_conditions import Unmatched, hold

# Compiled policies that are kept, shared by all sites of the process.
_KEPT = 256
_LONGEST_MESSAGE = 5 * 1024


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a write is denied; an empty reason is told as Invalid."""

    message: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Validation:
    condition: Condition
    said: Condition | None
    """Its messageExpression."""
    message: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompiledPolicy:
    """All expressions of a policy."""

    fails: bool
    """Whether what cannot be found out is denied."""
    match_conditions: tuple[Condition, ...]
    variables: dict[str, Condition]
    validations: tuple[_Validation, ...]
    annotations: tuple[Condition, ...]

    def denials(self, activation: Activation) -> Iterator[Denial]:
        """Why the write is denied, with the parameters and everything else that `activation` has."""
        try:
            if not hold(self.match_conditions, activation):
                return
        except Unmatched as error:
            yield from self._failed(str(error))
            return
        try:
            yield from self._refused(activation)
        except CelError as error:
            yield from self._failed(error.message)

    def _refused(self, activation: Activation) -> Iterator[Denial]:
        """All results are found before the first is told, as one that goes over the budget leaves no other."""
        budget, spoken = Budget(), Budget()
        results = [_result(activation, each.condition, budget) for each in self.validations]
        messages = [None if each.said is None else _result(activation, each.said, spoken) for each in self.validations]
        notes = [_result(activation, each, budget) for each in self.annotations]
        for validation, result, said in zip(self.validations, results, messages, strict=True):
            if isinstance(result, CelError):
                yield from self._failed(result.message)
            elif result is not True:
                yield Denial(_message(validation, said), validation.reason)
        for note in notes:
            if isinstance(note, CelError):
                yield from self._failed(note.message)

    def _failed(self, message: str) -> Iterator[Denial]:
        if self.fails:
            yield Denial(message)


def _result(activation: Activation, condition: Condition, budget: Budget) -> object:
    """The value, or the error that it came to. Raises OutOfBudget."""
    try:
        return activation.evaluate(condition, budget)
    except CelError as error:
        if budget.left < 0:
            raise
        return error


def _message(validation: _Validation, said: object) -> str:
    """What the messageExpression says, if that is a line of text; else the message, else the expression."""
    text = said.strip() if isinstance(said, str) else ""
    if len(text.encode()) > _LONGEST_MESSAGE or "\n" in text:
        text = ""
    return text or validation.message.strip() or f"failed expression: {validation.condition.text.strip()}"


def compile_policy(policy: KubeObject) -> CompiledPolicy:
    """A policy's spec, compiled; the same content once a process."""
    return _compile(msgspec.json.encode(policy["spec"]))


@lru_cache(maxsize=_KEPT)
def _compile(content: bytes) -> CompiledPolicy:
    spec: KubeObject = msgspec.json.decode(content)
    has_params = spec.get("paramKind") is not None
    matching = Conditions(has_params=has_params)
    conditions = Conditions(has_params=has_params, variables=spec.get("variables"))
    return CompiledPolicy(
        fails=spec.get("failurePolicy") != "Ignore",
        match_conditions=tuple(matching.compile(each["expression"]) for each in spec.get("matchConditions") or ()),
        variables=conditions.variables,
        validations=tuple(_validation(conditions, each) for each in spec.get("validations") or ()),
        annotations=tuple(conditions.compile(each["valueExpression"]) for each in spec.get("auditAnnotations") or ()),
    )


def _validation(conditions: Conditions, spec: KubeObject) -> _Validation:
    said = spec.get("messageExpression")
    return _Validation(
        condition=conditions.compile(spec["expression"]),
        said=conditions.compile(said, authorizer=False) if said else None,
        message=spec.get("message") or "",
        reason=spec.get("reason") or "",
    )
