"""Label selectors inside objects. Source: apimachinery's meta/v1/validation."""

from __future__ import annotations

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import Causes, all_invalid, forbidden, invalid, required
from fakekube.registry.validation.kind import in_all
from fakekube.registry.validation.names import label_value, qualified_name
from fakekube.registry.validation.object_meta import labels


def label_selector(selector: KubeObject | None, path: str, *, values: bool = True) -> Causes:
    """`values` is false where an update may keep label values that are invalid already."""
    if not selector:
        return
    yield from labels(selector.get("matchLabels") or {}, f"{path}.matchLabels")
    yield from in_all(selector.get("matchExpressions"), f"{path}.matchExpressions", label_requirement)


def label_requirement(requirement: KubeObject, path: str) -> Causes:
    operator, values = requirement.get("operator", ""), requirement.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            yield forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    else:
        yield invalid(f"{path}.operator", operator, "not a valid selector operator")
    key = requirement.get("key", "")
    yield from all_invalid(f"{path}.key", key, qualified_name(key))
    for index, value in enumerate(values):
        yield from all_invalid(f"{path}.values[{index}]", value, label_value(value))


def is_empty(selector: KubeObject | None) -> bool:
    return not selector or not (selector.get("matchLabels") or selector.get("matchExpressions"))


def is_sound(selector: KubeObject | None) -> bool:
    """Whether the selector can be used: what an unsound one selects is unknown."""
    return selector is None or next(label_selector(selector, ""), None) is None
