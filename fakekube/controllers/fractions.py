"""Numbers that may be written as a percentage. Source: k8s.io/apimachinery/pkg/util/intstr."""

from __future__ import annotations


def resolved(value: int | str, total: int, *, up: bool) -> int:
    """`3` or `"25%"` of `total`; a fraction is rounded up or down. Validation has refused all other texts."""
    if isinstance(value, int):
        return value
    percent = int(value.removesuffix("%"))
    return -(-percent * total // 100) if up else percent * total // 100
