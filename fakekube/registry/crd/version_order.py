"""The order of API versions: stable before beta before alpha, higher numbers first, all other names behind, sorted."""

from __future__ import annotations

import re

_VERSION = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?")
_STAGES = {"": 2, "beta": 1, "alpha": 0}


def version_priority(version: str) -> tuple[int, int, int, int, str]:
    """Sorts versions as kube-aware clients do, the preferred one first: v2, v1, v1beta1, v1alpha1, then the rest by name.

    Source: k8s.io/apimachinery/pkg/version, CompareKubeAwareVersionStrings.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        return (1, 0, 0, 0, version)
    return (0, -_STAGES[match[2] or ""], -int(match[1]), -int(match[3] or 0), "")
