"""All policies of a site with their bindings, asked about one write.

Source: k8s.io/apiserver/pkg/admission/plugin/policy/validating/dispatcher.go of 1.37.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from fakekube.meta.errors import Cause, Details, StatusError, forbidden
from fakekube.meta.objects import KubeObject, metadata, name_of
from fakekube.registry.cel.admission import Activation
from fakekube.registry.dynamic_admission.attributes import WriteAttributes
from fakekube.registry.dynamic_admission.matching import NAMESPACES, matched
from fakekube.registry.dynamic_admission.params import Misconfigured, param_resource, parameters
from fakekube.registry.dynamic_admission.validating_policy import CompiledPolicy, Denial, compile_policy
from fakekube.registry.site import Site
from fakekube.registry.strategies import Served

POLICIES = "validatingadmissionpolicies.admissionregistration.k8s.io"
BINDINGS = "validatingadmissionpolicybindings.admissionregistration.k8s.io"
_CODES: Mapping[str, int] = {"Unauthorized": 401, "Forbidden": 403, "RequestEntityTooLarge": 413}
_INVALID = 422
_MOVED = frozenset(["creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"])
_TOLD = ("name", "generateName", "namespace", "uid", "resourceVersion", "labels", "annotations", "finalizers")


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What one policy says, and the binding by which it was asked: None where it is not fit to be asked at all."""

    denial: Denial
    policy: str
    binding: KubeObject | None

    @property
    def actions(self) -> list[str]:
        return ["Deny"] if self.binding is None else list(self.binding["spec"].get("validationActions") or ())

    @property
    def place(self) -> str:
        asked = f"ValidatingAdmissionPolicy '{self.policy}'"
        return asked if self.binding is None else f"{asked} with binding '{name_of(self.binding)}'"


def require_policies(site: Site, write: WriteAttributes) -> None:
    """Raises StatusError for the first denial; warnings go to the client."""
    denied: list[_Verdict] = []
    for verdict in _verdicts(site, write):
        if "Deny" in verdict.actions:
            denied.append(verdict)
        if "Warn" in verdict.actions:
            write.warnings.append(f"Validation failed for {verdict.place}: {verdict.denial.message}")
    if denied:
        raise _refusal(write, denied[0])


def _verdicts(site: Site, write: WriteAttributes) -> Iterator[_Verdict]:
    bindings = [item.obj for item in site.store.keyspace(BINDINGS).listed()]
    for policy in site.store.keyspace(POLICIES).listed():
        own = [binding for binding in bindings if binding["spec"]["policyName"] == policy.name]
        if own:
            yield from _of_policy(site, policy.obj, own, write)


def _of_policy(
    site: Site, policy: KubeObject, bindings: list[KubeObject], write: WriteAttributes
) -> Iterator[_Verdict]:
    spec, name = policy["spec"], name_of(policy)
    asked = matched(site, spec.get("matchConstraints") or {}, write)
    if asked is None:
        return
    compiled = compile_policy(policy)
    try:
        kind = spec.get("paramKind")
        served = None if kind is None else param_resource(site, kind)
    except Misconfigured as error:
        if compiled.fails:
            yield _Verdict(Denial(f"failed to configure policy: {error}"), name, None)
        return
    for binding in bindings:
        if matched(site, binding["spec"].get("matchResources") or {}, write) is not None:
            yield from (
                _Verdict(denial, name, binding) for denial in _of_binding(site, compiled, binding, served, asked)
            )


def _of_binding(
    site: Site, compiled: CompiledPolicy, binding: KubeObject, served: Served | None, write: WriteAttributes
) -> Iterator[Denial]:
    try:
        found = parameters(site, served, binding["spec"].get("paramRef"), write.namespace)
    except Misconfigured as error:
        if compiled.fails:
            yield Denial(f"failed to configure binding: {error}")
        return
    for params in found:
        yield from compiled.denials(_activation(site, compiled, write, params))


def _activation(site: Site, compiled: CompiledPolicy, write: WriteAttributes, params: KubeObject | None) -> Activation:
    return Activation(
        obj=write.obj,
        old=write.old,
        namespace=namespace_object(site, write),
        request={**write.as_request(), "options": write.options()},
        user=write.user,
        authorizer=site.authorizer,
        params=params,
        variables=compiled.variables,
    )


def namespace_object(site: Site, write: WriteAttributes) -> KubeObject | None:
    """The namespace of the object, as far as expressions may see it; None where it is in none."""
    found = None if write.is_namespace else site.store.get(NAMESPACES, "", write.namespace)
    if found is None:
        return None
    meta = {member: value for member, value in metadata(found.obj).items() if member in _TOLD or member in _MOVED}
    return {"metadata": meta, **{member: found.obj[member] for member in ("spec", "status") if member in found.obj}}


def _refusal(write: WriteAttributes, verdict: _Verdict) -> StatusError:
    served, message = write.served.type, f"{verdict.place} denied request: {verdict.denial.message}"
    refusal = forbidden(served.plural, served.group, write.name, message)
    refusal.reason = verdict.denial.reason or "Invalid"
    refusal.code = _CODES.get(refusal.reason, _INVALID)
    refusal.details = replace(refusal.details or Details(), causes=[Cause(reason="", message=message)])
    return refusal
