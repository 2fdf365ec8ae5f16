"""What a kind's strategy warns of, though it takes the object: fields that do nothing, or will not be what they seem.

Source: pkg/api/pod/warnings.go and the WarningsOnCreate functions of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.strategies import Served

# Where the pod specification of each kind stands.
_POD_SPECS: Mapping[str, tuple[str, ...]] = {
    "pods": ("spec",),
    "podtemplates": ("template", "spec"),
    "replicationcontrollers": ("spec", "template", "spec"),
    "deployments.apps": ("spec", "template", "spec"),
    "replicasets.apps": ("spec", "template", "spec"),
    "statefulsets.apps": ("spec", "template", "spec"),
    "daemonsets.apps": ("spec", "template", "spec"),
    "jobs.batch": ("spec", "template", "spec"),
    "cronjobs.batch": ("spec", "jobTemplate", "spec", "template", "spec"),
}
_GONE_VOLUMES: Mapping[str, str] = {
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
}
_SHOWN: Mapping[str, str] = {"storageos": "storageOS"}  # its path is not its name


def warnings_about(served: Served, obj: KubeObject) -> list[str]:
    """The texts of the Warning headers of a write that leaves `obj`."""
    found: list[str] = []
    path = _POD_SPECS.get(served.type.qualified)
    if path is not None:
        found += _pod_warnings(_at(obj, path), ".".join(path))
    kind = _BY_RESOURCE.get(served.type.qualified)
    return found + list(kind(obj)) if kind is not None else found


def warnings_about_update(served: Served, obj: KubeObject, held: KubeObject) -> list[str]:
    """Those of an update: of most kinds when it changes what is wished for, of some never, of some always."""
    kind = served.type.qualified
    grown = metadata(obj).get("generation") != metadata(held).get("generation")
    told = kind in _WARNED_ALWAYS or (grown and kind not in _WARNED_ONCE)
    return warnings_about(served, obj) if told else []


_WARNED_ALWAYS = frozenset(["persistentvolumes", "secrets", "services"])
_WARNED_ONCE = frozenset(["endpointslices.discovery.k8s.io"])


def _at(obj: KubeObject, path: tuple[str, ...]) -> KubeObject:
    for step in path:
        obj = obj.get(step) or {}
    return obj


def _pod_warnings(spec: KubeObject, path: str) -> Iterator[str]:
    yield from _volume_warnings(spec, path)
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(kind) or []):
            yield from _fractions(container.get("resources") or {}, f"{path}.{kind}[{index}].resources")


def _volume_warnings(spec: KubeObject, path: str) -> Iterator[str]:
    for index, volume in enumerate(spec.get("volumes") or []):
        for source in sorted(_GONE_VOLUMES.keys() & volume.keys()):
            yield f"{path}.volumes[{index}].{_SHOWN.get(source, source)}: {_GONE_VOLUMES[source]}"


def _fractions(resources: KubeObject, path: str) -> Iterator[str]:
    """Bytes come whole."""
    for part in ("limits", "requests"):
        for name, quantity in (resources.get(part) or {}).items():
            if name in ("memory", "ephemeral-storage") and str(quantity).endswith("m"):
                yield f'{path}.{part}[{name}]: fractional byte value "{quantity}" is invalid, must be an integer'


def _volume_source(obj: KubeObject) -> Iterator[str]:
    for source in sorted(_GONE_VOLUMES.keys() & (obj.get("spec") or {}).keys()):
        yield f"spec.{_SHOWN.get(source, source)}: {_GONE_VOLUMES[source]}"


def _service(obj: KubeObject) -> Iterator[str]:
    spec = obj.get("spec") or {}
    if spec.get("externalName") and spec.get("type") != "ExternalName":
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'
    if spec.get("externalIPs"):
        yield "spec.externalIPs is deprecated and may no longer be implemented in some clusters"


def _csi_driver(obj: KubeObject) -> Iterator[str]:
    spec = obj.get("spec") or {}
    if spec.get("tokenRequests") and "serviceAccountTokenInSecrets" not in spec:
        yield (
            "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent "
            "possible logging of tokens in volume attributes"
        )


def _definition(obj: KubeObject) -> Iterator[str]:
    # imported late: what knows schemas is loaded where there are definitions alone
    from fakekube.registry.validation.definition_warnings import definition_warnings

    return definition_warnings(obj)


def _endpoint_slice(obj: KubeObject) -> Iterator[str]:
    if obj.get("addressType") == "FQDN":
        yield "spec.addressType: FQDN endpoints are deprecated"


def _secret(obj: KubeObject) -> Iterator[str]:
    """A TLS secret without a certificate that could be read."""
    if obj.get("type") == "kubernetes.io/tls" and "LS0tLS1CRUdJTi" not in (
        (obj.get("data") or {}).get("tls.crt") or ""
    ):
        yield "tls: failed to find any PEM data in certificate input"


_BY_RESOURCE: Mapping[str, Callable[[KubeObject], Iterator[str]]] = {
    "csidrivers.storage.k8s.io": _csi_driver,
    "customresourcedefinitions.apiextensions.k8s.io": _definition,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "persistentvolumes": _volume_source,
    "secrets": _secret,
    "services": _service,
}
