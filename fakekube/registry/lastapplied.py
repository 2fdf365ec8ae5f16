"""From client-side to server-side apply: what `kubectl apply` wrote into an annotation counts as kubectl's own.

Source: k8s.io/apimachinery/pkg/util/managedfields/internal (lastappliedmanager.go, lastappliedupdater.go).
"""

from __future__ import annotations

import json

from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry import fieldset, typed
from fakekube.registry.fieldset import FieldSet
from fakekube.registry.typed import FieldType

MANAGER = "kubectl"
ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
ANNOTATIONS_MAX_BYTES = 256 * 1024


def fields_left_to_kubectl(live: KubeObject, field_type: FieldType) -> FieldSet:
    """The fields that the last client-side apply set and nobody has changed since; None without such an apply."""
    config = _config(live)
    if config is None:
        return None
    changed = typed.compare(config, live, field_type)
    fields = typed.field_set(config, field_type)
    for other in (changed.modified, changed.added, changed.removed):
        fields = fieldset.difference(fields, other)
    return fields


def _config(live: KubeObject) -> KubeObject | None:
    """The annotation's object; one that nobody can read counts as none."""
    try:
        config = json.loads(_annotations(live).get(ANNOTATION) or "null")
    except ValueError:
        return None
    return config if isinstance(config, dict) else None


def kept_in_step(obj: KubeObject, config: KubeObject) -> KubeObject:
    """`obj` with the annotation telling of `config`, if it has one: a later client-side apply must find the truth."""
    annotations = _annotations(obj)
    if not annotations.get(ANNOTATION):
        return obj
    text = json.dumps(_without_annotation(config), separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
    others = {key: value for key, value in annotations.items() if key != ANNOTATION}
    fits = sum(len(key) + len(value) for key, value in others.items()) + len(text.encode()) <= ANNOTATIONS_MAX_BYTES
    told = {**annotations, ANNOTATION: text} if fits else others
    return {**obj, "metadata": {**metadata(obj), "annotations": told}}


def _annotations(obj: KubeObject) -> dict[str, str]:
    found = metadata(obj).get("annotations")
    return found if isinstance(found, dict) else {}


def _without_annotation(config: KubeObject) -> KubeObject:
    if ANNOTATION not in _annotations(config):
        return config
    others = {key: value for key, value in _annotations(config).items() if key != ANNOTATION}
    return {**config, "metadata": {**metadata(config), "annotations": others}}
