"""What decoding fills in: the defaults of every built-in kind, applied by type, the outer before the inner.

`default(obj, resource)` is pure: what depends on the cluster (service addresses, priorities, ServiceAccounts) belongs to
admission. Source: the SetDefaults functions of Kubernetes 1.37; `defaults-1.37.json` holds recorded pairs.
"""

from __future__ import annotations

from fakekube.meta.objects import GroupVersionKind, KubeObject
from fakekube.registry.defaulting.walk import defaulter
from fakekube.registry.resources import ResourceType
from fakekube.registry.schema import schema_for


def default(obj: KubeObject, resource: ResourceType) -> KubeObject:
    """`obj` (canonical) with the defaults of its kind; the same object when there is nothing to add."""
    return default_kind(obj, resource.gvk)


def default_kind(obj: KubeObject, kind: GroupVersionKind) -> KubeObject:
    """The same by kind, for what is not a resource (Scale, reviews)."""
    schema = schema_for(kind)
    walk = None if schema is None else defaulter(schema)
    if walk is None:
        return obj
    defaulted: KubeObject = walk(obj)
    return defaulted
