"""A LabelSelector inside an object: matchLabels and matchExpressions. Source: apimachinery's meta/v1 helpers."""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.meta.objects import KubeObject

_OPERATORS = {
    "In": lambda value, values: value is not None and value in values,
    "NotIn": lambda value, values: value is None or value not in values,
    "Exists": lambda value, values: value is not None,
    "DoesNotExist": lambda value, values: value is None,
}


def selects(selector: KubeObject, labels: Mapping[str, str]) -> bool:
    """Whether `labels` fit all of the selector; an empty selector selects everything."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    expressions = selector.get("matchExpressions") or []
    return all(_OPERATORS[each["operator"]](labels.get(each["key"]), each.get("values") or ()) for each in expressions)
