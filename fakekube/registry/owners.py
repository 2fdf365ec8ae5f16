"""Owner references as they are kept: each owner once, whoever names it twice is warned."""

from __future__ import annotations

from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.metadata import with_metadata


def with_single_owners(obj: KubeObject, warnings: list[str]) -> KubeObject:
    """`obj` without owner references that are there twice; `warnings` takes what was dropped.

    Source: k8s.io/apiserver/pkg/endpoints/handlers (dedupOwnerReferencesAndAddWarning).
    """
    references: list[KubeObject] = metadata(obj).get("ownerReferences") or []
    kept: list[KubeObject] = []
    twice: list[str] = []
    for each in references:
        if each in kept:
            twice.append(str(each.get("uid")))
        else:
            kept.append(each)
    if not twice:
        return obj
    warnings.append(
        ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may "
        "reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: "
        + ", ".join(dict.fromkeys(twice))
    )
    return with_metadata(obj, ownerReferences=kept)
