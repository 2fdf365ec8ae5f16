"""The conditions under which a webhook or a policy wants to be asked at all.

Source: k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions/matcher.go of 1.37.
"""

from __future__ import annotations

from collections.abc import Sequence

from fakekube.registry.cel.admission import MATCH_BUDGET, Activation, Budget, Condition
from fakekube.registry.cel.values import CelError


class Unmatched(Exception):
    """Whether the conditions hold could not be found out; the message is the real server's."""


def hold(conditions: Sequence[Condition], activation: Activation) -> bool:
    """Whether all hold. One that is false decides over those that fail; else Unmatched tells of the failures."""
    budget, errors = Budget(MATCH_BUDGET), list[str]()
    for condition in conditions:
        try:
            if activation.evaluate(condition, budget) is False:
                return False
        except CelError as error:
            errors.append(error.message)
    if errors:
        raise Unmatched(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")
    return True
