"""Certificate signing requests. Source: pkg/apis/certificates/validation of Kubernetes 1.37."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    quoted,
    required,
    too_long,
    unsupported,
)
from fakekube.registry.validation.certificate_request import encoded_blocks, fault_of, pem_blocks
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.names import Faults, dns_subdomain
from fakekube.registry.validation.object_meta import IMMUTABLE, immutable

_USAGES = tuple(
    sorted(
        [
            "signing",
            "digital signature",
            "content commitment",
            "key encipherment",
            "key agreement",
            "data encipherment",
            "cert sign",
            "crl sign",
            "encipher only",
            "decipher only",
            "any",
            "server auth",
            "client auth",
            "code signing",
            "email protection",
            "s/mime",
            "ipsec end system",
            "ipsec tunnel",
            "ipsec user",
            "timestamping",
            "ocsp signing",
            "microsoft sgc",
            "netscape sgc",
        ]
    )
)
_LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
_LEAST_S = 600
_UID_MAX = 128
_ONLY_TRUE = ("Approved", "Denied", "Failed")
_STATES = ("False", "True", "Unknown")
_SIGNER_FORM = "must be a fully qualified domain and path of the form 'example.com/signer-name'"


def any_name(name: str) -> Faults:
    return []


def _request(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    yield from _pem(spec.get("request"))
    yield from _usages(spec.get("usages") or [])
    name, seconds = spec.get("signerName") or "", spec.get("expirationSeconds")
    if name == _LEGACY_SIGNER:
        yield invalid("spec.signerName", name, "the legacy signerName is not allowed via this API version")
    else:
        yield from signer_name(name, "spec.signerName")
    if seconds is not None and seconds < _LEAST_S:
        detail = "may not specify a duration less than 600 seconds (10 minutes)"
        yield invalid("spec.expirationSeconds", seconds, detail)


def _pem(request: str | None) -> Causes:
    fault = fault_of(request)
    if fault:
        yield invalid("spec.request", request, fault)


def _usages(usages: list[str]) -> Causes:
    if not usages:
        yield required("spec.usages")
    for index, usage in enumerate(usages):
        if usage not in _USAGES:
            yield unsupported(f"spec.usages[{index}]", usage, _USAGES)
    for index, usage in enumerate(usages):
        if usage in usages[:index]:
            yield duplicate(f"spec.usages[{index}]", usage)


def signer_name(name: str, path: str) -> Causes:
    """A domain of at least two parts, a slash, and a path."""
    if not name:
        yield required(path)
        return
    domain, _, rest = name.partition("/")
    if not domain or not rest or "/" in rest:
        yield invalid(path, name, _SIGNER_FORM)
        return
    for part in domain.split("."):
        for fault in dns_subdomain(part):
            yield invalid(path, domain, f"validating label {quoted(part)}: {fault}")
    if "." not in domain:
        yield invalid(path, domain, "should be a domain with at least two segments separated by dots")
    for part in rest.split("."):
        for fault in dns_subdomain(part):
            yield invalid(path, rest, f"validating label {quoted(part)}: {fault}")


def _request_status(obj: KubeObject, held: KubeObject) -> Causes:
    new, old = obj.get("status") or {}, held.get("status") or {}
    yield from _conditions(new.get("conditions") or [])
    certificate = new.get("certificate") or ""
    if certificate and certificate != old.get("certificate"):
        kinds = [kind for kind, _ in encoded_blocks(certificate)]
        fault = "" if kinds else "must contain at least one CERTIFICATE PEM block"
        wrong = next((kind for kind in kinds if kind != "CERTIFICATE"), None)
        if wrong is not None:
            fault = f"only CERTIFICATE PEM blocks are allowed, found {quoted(wrong)}"
        yield from all_invalid("status.certificate", "<certificate data>", [fault] if fault else [])
    yield from _kept_conditions(new.get("conditions") or [], old.get("conditions") or [])
    if old.get("certificate") and certificate != old["certificate"]:
        yield forbidden("status.certificate", "updates may not modify existing certificate content")


def _conditions(conditions: list[KubeObject]) -> Causes:
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        path, kind, state = f"status.conditions[{index}]", condition.get("type") or "", condition.get("status") or ""
        if not kind:
            yield required(f"{path}.type")
        allowed = ("True",) if kind in _ONLY_TRUE else _STATES
        if not state:
            yield required(f"{path}.status")
        elif state not in allowed:
            yield unsupported(f"{path}.status", state, allowed)
        if kind in seen:
            yield duplicate(f"{path}.type", kind)
        seen.add(kind)


def _kept_conditions(new: list[KubeObject], old: list[KubeObject]) -> Causes:
    """Nobody takes a verdict back, and who approves does so elsewhere."""
    for kind in _ONLY_TRUE:
        now, before = (sum(each.get("type") == kind for each in conditions) for conditions in (new, old))
        if now < before:
            yield forbidden("status.conditions", f"updates may not remove a condition of type {quoted(kind)}")
    for kind in _ONLY_TRUE[:2]:
        now, before = (sum(each.get("type") == kind for each in conditions) for conditions in (new, old))
        if now > before:
            yield forbidden("status.conditions", f"updates may not add a condition of type {quoted(kind)}")


def _bundle(obj: KubeObject) -> Causes:
    spec, name = obj.get("spec") or {}, (obj.get("metadata") or {}).get("name") or ""
    signer = spec.get("signerName") or ""
    yield from all_invalid("metadata.name", name, _bundle_name(name, signer))
    if signer:
        yield from signer_name(signer, "spec.signerName")
    if "CERTIFICATE" not in [kind for kind, _ in pem_blocks(spec.get("trustBundle") or "")]:
        yield invalid("spec.trustBundle", "<value omitted>", "at least one trust anchor must be provided")


def _bundle_name(name: str, signer: str) -> Faults:
    if not name:
        return []
    if not signer:
        colon = 'ClusterTrustBundle without signer name must not have ":" in its name'
        return [colon] if ":" in name else dns_subdomain(name)
    prefix = signer.replace("/", ":") + ":"
    if not name.startswith(prefix):
        return [f"ClusterTrustBundle for signerName {signer} must be named with prefix {prefix}"]
    return dns_subdomain(name.removeprefix(prefix))


def _updated_bundle(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _bundle(obj)
    new, old = ((each.get("spec") or {}).get("signerName") or "" for each in (obj, held))
    yield from immutable(new, old, "spec.signerName")


_POD_LEAST_S, _POD_MOST_S = 3600, 7_862_400
_POD_REQUEST = (
    ("SignerName", "signerName", ""),
    ("PodName", "podName", ""),
    ("PodUID", "podUID", ""),
    ("ServiceAccountName", "serviceAccountName", ""),
    ("ServiceAccountUID", "serviceAccountUID", ""),
    ("NodeName", "nodeName", ""),
    ("NodeUID", "nodeUID", ""),
    ("MaxExpirationSeconds", "maxExpirationSeconds", None),
    ("PKIXPublicKey", "pkixPublicKey", None),
    ("ProofOfPossession", "proofOfPossession", None),
    ("StubPKCS10Request", "stubPKCS10Request", None),
    ("UnverifiedUserAnnotations", "unverifiedUserAnnotations", None),
)


def _pod_request(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    yield from signer_name(spec.get("signerName") or "", "spec.signerName")
    for owner in ("pod", "serviceAccount", "node"):
        name, uid = spec.get(f"{owner}Name") or "", spec.get(f"{owner}UID") or ""
        yield from all_invalid(f"spec.{owner}Name", name, dns_subdomain(name))
        if not uid:
            yield invalid(f"spec.{owner}UID", uid, "must not be empty")
        elif len(uid) > _UID_MAX:
            yield too_long(f"spec.{owner}UID", _UID_MAX)
    seconds = spec.get("maxExpirationSeconds")
    if seconds is None:
        yield required("spec.maxExpirationSeconds", "must be set")
    elif not _POD_LEAST_S <= seconds <= _POD_MOST_S:
        yield invalid("spec.maxExpirationSeconds", seconds, f"must be in the range [{_POD_LEAST_S}, {_POD_MOST_S}]")
    yield from _proof(spec)


def _proof(spec: KubeObject) -> Causes:
    stub = spec.get("stubPKCS10Request") or ""
    if bool(stub) == bool(spec.get("pkixPublicKey") and spec.get("proofOfPossession")):
        detail = "exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set"
        yield invalid("spec", None, detail, shown=False)
    elif stub and not _is_der_sequence(stub):
        yield invalid("spec.stubPKCS10Request", None, "must be a valid PKCS#10 CSR", shown=False)


def _is_der_sequence(encoded: str) -> bool:
    return base64.b64decode(encoded)[:1] == b"\x30"


def _updated_pod_request(obj: KubeObject, held: KubeObject) -> Causes:
    new, old = obj.get("spec") or {}, held.get("spec") or {}
    if new != old:
        yield invalid("spec", {shown: new.get(member) or zero for shown, member, zero in _POD_REQUEST}, IMMUTABLE)


CERTIFICATES: Mapping[str, Kind] = {
    "certificates.k8s.io/v1/certificatesigningrequests": Kind(name=any_name, create=_request, status=_request_status),
    "certificates.k8s.io/v1/clustertrustbundles": Kind(
        name=any_name, create=_bundle, update=_updated_bundle, update_repeats_create=False
    ),
    "certificates.k8s.io/v1/podcertificaterequests": Kind(
        create=_pod_request, update=_updated_pod_request, update_repeats_create=False
    ),
}
