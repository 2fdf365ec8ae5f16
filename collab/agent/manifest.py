"""The object in the body of a create: JSON, YAML or (for namespaces) protobuf, as clients send it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import yaml

from collab.agent.answers import json_bytes
from collab.agent.gather import annotated
from collab.agent.protobuf import MAGIC, read_namespace
from collab.agent.scoping import SITE_ANNOTATION, UNREACHABLE_ANNOTATION
from fakekube.meta.objects import KubeObject, name_of

READ_ANNOTATIONS = frozenset({SITE_ANNOTATION, UNREACHABLE_ANNOTATION})
PROTOBUF = "application/vnd.kubernetes.protobuf"


class BadManifest(ValueError):
    """A body that holds no object to create; `code` is the HTTP status to answer with."""

    def __init__(self, message: str, code: int = 400) -> None:
        super().__init__(message)
        self.code = code


def read_manifest(body: bytes, content_type: str) -> KubeObject:
    """The object. Raises BadManifest."""
    found = _decoded(body, content_type.partition(";")[0].strip().lower())
    if not isinstance(found, dict) or not isinstance(found.get("metadata"), dict):
        raise BadManifest("the body is not a Kubernetes object with metadata")
    if not name_of(found):
        raise BadManifest("under a scope an object needs a name of its own: metadata.generateName is not supported")
    return found


def unmarked(body: bytes, content_type: str) -> bytes:
    """The body of a PUT without the annotations that a read under a scope added; any other body as it is."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        return body
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body  # the apiserver says what is wrong with it
    metadata = found.get("metadata") if isinstance(found, dict) else None
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(annotations, dict) or READ_ANNOTATIONS.isdisjoint(annotations):
        return body
    kept = {key: value for key, value in annotations.items() if key not in READ_ANNOTATIONS}
    return json_bytes({**found, "metadata": {**found["metadata"], "annotations": kept}})


def stamped(manifest: KubeObject, annotations: Mapping[str, str]) -> KubeObject:
    """The object with annotations that its controllers' later calls can be told by."""
    return annotated(manifest, annotations)


def _decoded(body: bytes, media_type: str) -> object:
    try:
        if media_type == PROTOBUF or body.startswith(MAGIC):
            return read_namespace(body)
        if media_type == "application/yaml":
            return yaml.load(body, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        return msgspec.json.decode(body)
    except yaml.YAMLError as error:
        raise BadManifest(f"the body is not YAML: {' '.join(str(error).split())}") from error
    except ValueError as error:
        # msgspec.DecodeError, BadProtobuf and UnicodeDecodeError are ValueErrors
        raise BadManifest(str(error), 415 if media_type == PROTOBUF else 400) from error
