"""Webhook configurations, admission policies and their bindings, with their expressions.

Source: pkg/apis/admissionregistration/validation of Kubernetes 1.37.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fakekube.meta.errors import Cause
from fakekube.meta.objects import KubeObject, name_of
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    quoted,
    required,
    unsupported,
)
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.names import (
    c_identifier,
    dns_1035_label,
    dns_subdomain,
    port_number,
    qualified_name,
)
from fakekube.registry.validation.selectors import label_selector

if TYPE_CHECKING:
    from fakekube.registry.cel.expressions import AdmissionExpressions

_VERSIONS = ("v1", "v1beta1")
_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_FAILURE = ("Fail", "Ignore")
_MATCH = ("Equivalent", "Exact")
_SCOPES = ("*", "Cluster", "Namespaced")
_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_REINVOCATIONS = ("IfNeeded", "Never")
_PATCHES = ("ApplyConfiguration", "JSONPatch")
_ACTIONS = ("Audit", "Deny", "Warn")
_CONDITIONS_MAX = 64
_URL_FORMAT = "; desired format: https://host[/path]"
_ONE_OF_TWO = "exactly one of url or service is required"
_NOTHING_DONE = "validations or auditAnnotations must contain at least one item"


def _one_of(value: object, path: str, supported: Sequence[str]) -> Causes:
    if value not in supported:
        yield unsupported(path, value, supported)


# Webhooks.


def _webhooks(obj: KubeObject) -> Causes:
    seen: set[str] = set()
    for index, webhook in enumerate(obj.get("webhooks") or []):
        path = f"webhooks[{index}]"
        yield from _webhook(webhook, path)
        name = webhook.get("name", "")
        if name and name in seen:
            yield duplicate(f"{path}.name", name)
        seen.add(name)


def _webhook(webhook: KubeObject, path: str) -> Causes:
    yield from _webhook_name(webhook.get("name", ""), f"{path}.name")
    yield from _review_versions(webhook.get("admissionReviewVersions") or [], f"{path}.admissionReviewVersions")
    for index, rule in enumerate(webhook.get("rules") or []):
        yield from _rule(rule, f"{path}.rules[{index}]")
    yield from _one_of(webhook.get("failurePolicy"), f"{path}.failurePolicy", _FAILURE)
    yield from _one_of(webhook.get("matchPolicy"), f"{path}.matchPolicy", _MATCH)
    yield from _side_effects(webhook.get("sideEffects"), f"{path}.sideEffects")
    if not 1 <= webhook.get("timeoutSeconds", 10) <= 30:
        yield invalid(
            f"{path}.timeoutSeconds", webhook["timeoutSeconds"], "the timeout value must be between 1 and 30 seconds"
        )
    yield from label_selector(webhook.get("namespaceSelector"), f"{path}.namespaceSelector")
    yield from label_selector(webhook.get("objectSelector"), f"{path}.objectSelector")
    if "reinvocationPolicy" in webhook:
        yield from _one_of(webhook["reinvocationPolicy"], f"{path}.reinvocationPolicy", _REINVOCATIONS)
    yield from _client(webhook.get("clientConfig") or {}, f"{path}.clientConfig")
    yield from _match_conditions(webhook.get("matchConditions") or [], f"{path}.matchConditions")


def _webhook_name(name: str, path: str) -> Causes:
    if not name:
        yield required(path)
    elif faults := dns_subdomain(name):
        yield from all_invalid(path, name, faults)
    elif name.count(".") < 2:
        yield invalid(path, name, "should be a domain with at least three segments separated by dots")


def _review_versions(versions: list[str], path: str) -> Causes:
    if not versions:
        yield required(path, f"must specify one of {', '.join(_VERSIONS)}")
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            yield invalid(f"{path}[{index}]", version, "duplicate version")
        yield from all_invalid(f"{path}[{index}]", version, dns_1035_label(version))
    if not set(versions) & set(_VERSIONS):
        yield invalid(path, versions, f"must include at least one of {', '.join(_VERSIONS)}")


def _side_effects(value: object, path: str) -> Causes:
    if value is None:
        yield required(path, f"must specify one of {', '.join(_SIDE_EFFECTS)}")
    else:
        yield from _one_of(value, path, _SIDE_EFFECTS)


def _client(client: KubeObject, path: str) -> Causes:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        yield required(path, _ONE_OF_TWO)
    elif url is not None:
        yield from webhook_url(url, f"{path}.url")
    elif service is not None:
        yield from webhook_service(service, f"{path}.service")


def webhook_url(url: str, path: str) -> Causes:
    """Of a webhook or a conversion: https, a host, and nothing but a path."""
    if url.startswith(":"):
        yield required(path, f"url must be a valid URL: parse {quoted(url)}: missing protocol scheme{_URL_FORMAT}")
        return
    parts = urlsplit(url)
    if parts.scheme != "https":
        yield invalid(path, parts.scheme, f"'https' is the only allowed URL scheme{_URL_FORMAT}")
    if not parts.netloc.rpartition("@")[2]:
        yield invalid(path, parts.netloc, f"host must be specified{_URL_FORMAT}")
    if "@" in parts.netloc:
        yield invalid(path, parts.netloc.rpartition("@")[0], "user information is not permitted in the URL")
    if parts.fragment:
        yield invalid(path, parts.fragment, "fragments are not permitted in the URL")
    if parts.query:
        yield invalid(path, parts.query, "query parameters are not permitted in the URL")


def webhook_service(service: KubeObject, path: str) -> Causes:
    """Of a webhook or a conversion: where inside the cluster it is called."""
    for member, told in (("name", "namespace"), ("namespace", "name")):
        if not service.get(member):
            yield required(f"{path}.{told}")  # the real server names the other one
    port = service.get("port", 443)
    for fault in port_number(port):
        yield invalid(f"{path}.port", port, f"port is not valid: {fault}")
    if "path" in service:
        yield from _url_path(service["path"], f"{path}.path")


def _url_path(value: str, path: str) -> Causes:
    if not value.startswith("/"):
        yield invalid(path, value, "must start with a '/'")
        return
    segments = value.removesuffix("/").split("/")[1:] if value != "/" else []
    for index, segment in enumerate(segments):
        if not segment:
            yield invalid(path, value, f"segment[{index}] may not be empty")
        else:
            yield from (invalid(path, value, f"segment[{index}]: {fault}") for fault in dns_subdomain(segment))


# Rules, shared by webhooks and policies.


def _rule(rule: KubeObject, path: str) -> Causes:
    yield from _operations(rule.get("operations") or [], f"{path}.operations")
    yield from _names(rule.get("apiGroups") or [], f"{path}.apiGroups", "API groups", may_be_empty=True)
    yield from _names(rule.get("apiVersions") or [], f"{path}.apiVersions", "API versions", may_be_empty=False)
    yield from _resources(rule.get("resources") or [], f"{path}.resources")
    yield from _one_of(rule.get("scope", "*"), f"{path}.scope", _SCOPES)


def _operations(operations: list[str], path: str) -> Causes:
    if not operations:
        yield required(path)
    if len(operations) > 1 and "*" in operations:
        yield invalid(path, operations, "if '*' is present, must not specify other operations")
    for index, operation in enumerate(operations):
        yield from _one_of(operation, f"{path}[{index}]", _OPERATIONS)


def _names(names: list[str], path: str, what: str, *, may_be_empty: bool) -> Causes:
    if not names:
        yield required(path)
    if len(names) > 1 and "*" in names:
        yield invalid(path, names, f"if '*' is present, must not specify other {what}")
    if not may_be_empty:
        yield from (required(f"{path}[{index}]") for index, name in enumerate(names) if not name)


def _resources(resources: list[str], path: str) -> Causes:
    if not resources:
        yield required(path)
    for index, resource in enumerate(resources):
        if not resource:
            yield required(f"{path}[{index}]")
    if len(resources) > 1 and "*/*" in resources:
        yield invalid(path, resources, "if '*/*' is present, must not specify other resources")
    if "*" in resources and any("/" not in resource for resource in resources if resource != "*"):
        yield invalid(path, resources, "if '*' is present, must not specify other resources without subresources")


def _expressions(*, has_params: bool = False, variables: bool = False) -> AdmissionExpressions:
    """What expressions may name. CEL is loaded by the first object that has some."""
    from fakekube.registry.cel.expressions import AdmissionExpressions

    return AdmissionExpressions(has_params=has_params, variables={} if variables else None)


def _compiled(
    expression: str, path: str, known: AdmissionExpressions, wanted: str, *, authorizer: bool = True, shown: str = ""
) -> Causes:
    """`shown` is the expression as written, where it was compiled without the blanks around it."""
    yield from _refused(known.fault(expression, wanted, authorizer=authorizer), shown or expression, path)


def _refused(fault: str | None, expression: str, path: str) -> Causes:
    if fault is None:
        return
    if fault.startswith("program instantiation failed"):
        yield Cause(reason="InternalError", message=f"Internal error: {fault}", field=path)
    else:
        yield invalid(path, expression, fault)


def _match_conditions(conditions: list[KubeObject], path: str, *, has_params: bool = False) -> Causes:
    if len(conditions) > _CONDITIONS_MAX:
        message = f"must have at most {_CONDITIONS_MAX} items"
        yield invalid(path, len(conditions), message)
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        place = f"{path}[{index}]"
        expression = condition.get("expression", "").strip()
        if not expression:
            yield required(f"{place}.expression")
        else:
            yield from _compiled(expression, f"{place}.expression", _expressions(has_params=has_params), "bool")
        yield from _condition_name(condition.get("name", ""), f"{place}.name", seen)


def _condition_name(name: str, path: str, seen: set[str]) -> Causes:
    if not name:
        yield required(path)
        return
    yield from all_invalid(path, name, qualified_name(name))
    if name in seen:
        yield duplicate(path, name)
    seen.add(name)


# Policies.


def _validating_policy(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    known = _expressions(has_params=spec.get("paramKind") is not None, variables=bool(spec.get("variables")))
    yield from _policy(spec, known)
    validations, annotations = spec.get("validations") or [], spec.get("auditAnnotations") or []
    if not validations and not annotations:
        yield required("spec.validations", _NOTHING_DONE)
        yield required("spec.auditAnnotations", _NOTHING_DONE)
        return
    for index, validation in enumerate(validations):
        yield from _validation(validation, f"spec.validations[{index}]", known)
    yield from _audit_annotations(name_of(obj), annotations, known)


def _policy(spec: KubeObject, known: AdmissionExpressions) -> Causes:
    """What validating and mutating policies have in common."""
    yield from _one_of(spec.get("failurePolicy"), "spec.failurePolicy", _FAILURE)
    if (kind := spec.get("paramKind")) is not None:
        yield from _param_kind(kind, "spec.paramKind")
    if (constraints := spec.get("matchConstraints")) is None:
        yield required("spec.matchConstraints")
    else:
        yield from _match_resources(constraints, "spec.matchConstraints", needs_rules=True)
    conditions = spec.get("matchConditions") or []
    yield from _match_conditions(conditions, "spec.matchConditions", has_params=known.has_params)
    for index, variable in enumerate(spec.get("variables") or []):
        yield from _variable(variable, f"spec.variables[{index}]", known)


def _param_kind(kind: KubeObject, path: str) -> Causes:
    version = kind.get("apiVersion", "")
    if not version:
        yield required(f"{path}.apiVersion")
    elif version.count("/") > 1:
        yield invalid(f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}")
    else:
        group, _, number = version.rpartition("/")
        yield from all_invalid(f"{path}.apiVersion", group, dns_subdomain(group) if group else [])
        yield from all_invalid(f"{path}.apiVersion", number, dns_1035_label(number))
    name = kind.get("kind", "")
    if not name:
        yield required(f"{path}.kind")
    else:
        faults = [f"may have mixed case, but should otherwise match: {f}" for f in dns_1035_label(name.lower())]
        yield from all_invalid(f"{path}.kind", name, faults)


def _match_resources(resources: KubeObject, path: str, *, needs_rules: bool) -> Causes:
    yield from _one_of(resources.get("matchPolicy"), f"{path}.matchPolicy", _MATCH)
    yield from label_selector(resources.get("namespaceSelector"), f"{path}.namespaceSelector")
    yield from label_selector(resources.get("objectSelector"), f"{path}.objectSelector")
    for member in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(resources.get(member) or []):
            yield from _rule(rule, f"{path}.{member}[{index}]")
    if needs_rules and not resources.get("resourceRules"):
        yield required(f"{path}.resourceRules")


def _variable(variable: KubeObject, path: str, known: AdmissionExpressions) -> Causes:
    name = variable.get("name", "")
    if not name:
        yield required(f"{path}.name", "name is not specified")
    elif c_identifier(name):
        yield invalid(f"{path}.name", name, "must be a valid CEL identifier")
    expression = variable.get("expression", "")
    if not expression.strip():
        yield required(f"{path}.expression", "expression is not specified")
    else:
        yield from _refused(known.add_variable(name, expression), expression, f"{path}.expression")


def _validation(validation: KubeObject, path: str, known: AdmissionExpressions) -> Causes:
    expression, said = validation.get("expression", ""), validation.get("messageExpression", "")
    if not expression.strip():
        yield required(f"{path}.expression", "expression is not specified")
    else:
        yield from _compiled(expression, f"{path}.expression", known, "bool")
    if said and not said.strip():
        yield invalid(f"{path}.messageExpression", said, "must be non-empty if specified")
    elif said:
        yield from _compiled(said, f"{path}.messageExpression", known, "string", authorizer=False)
    message = validation.get("message", "")
    if message and not message.strip():
        yield invalid(f"{path}.message", message, "must be non-empty if specified")
    elif "\n" in message.strip():
        yield invalid(f"{path}.message", message, "must not contain line breaks")
    if "reason" in validation:
        yield from _one_of(validation["reason"], f"{path}.reason", _REASONS)


def _audit_annotations(policy: str, annotations: list[KubeObject], known: AdmissionExpressions) -> Causes:
    seen: set[str] = set()
    for index, annotation in enumerate(annotations):
        path, key = f"spec.auditAnnotations[{index}]", annotation.get("key", "")
        yield from all_invalid(f"{path}.key", f"{policy}/{key}", qualified_name(f"{policy}/{key}"))
        value = annotation.get("valueExpression", "")
        if not value.strip():
            yield required(f"{path}.valueExpression", "valueExpression is not specified")
        else:
            where = f"{path}.valueExpression"
            yield from _compiled(value.strip(), where, known, "string|null_type", shown=value)
        if key in seen:
            yield duplicate(f"{path}.key", key)
        seen.add(key)


def _mutating_policy(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    known = _expressions(has_params=spec.get("paramKind") is not None, variables=bool(spec.get("variables")))
    yield from _policy(spec, known)
    yield from _mutable_operations((spec.get("matchConstraints") or {}).get("resourceRules") or [])
    mutations = spec.get("mutations") or []
    if not mutations:
        yield required("spec.mutations", "mutations must contain at least one item")
    for index, mutation in enumerate(mutations):
        yield from _mutation(mutation, f"spec.mutations[{index}]", known)
    if not spec.get("reinvocationPolicy"):
        yield required("spec.reinvocationPolicy")
    else:
        yield from _one_of(spec["reinvocationPolicy"], "spec.reinvocationPolicy", _REINVOCATIONS)


_MUTABLE = ("*", "CONNECT", "CREATE", "UPDATE")


def _mutable_operations(rules: list[KubeObject]) -> Causes:
    """What is deleted is not changed any more."""
    for rule in rules:
        for operation in rule.get("operations") or ():
            yield from _one_of(operation, "spec.matchConstraints.resourceRules.operations", _MUTABLE)


_MEMBER_OF = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}


def _mutation(mutation: KubeObject, path: str, known: AdmissionExpressions) -> Causes:
    kind = mutation.get("patchType")
    if not kind:
        yield required(f"{path}.patchType")
        return
    yield from _one_of(kind, f"{path}.patchType", _PATCHES)
    if kind not in _MEMBER_OF:
        return
    wanted = _MEMBER_OF[kind]
    if mutation.get(wanted) is None:
        yield required(f"{path}.{wanted}", f"must be specified when patchType is {kind}")
    elif not (expression := mutation[wanted].get("expression", "")).strip():
        yield required(f"{path}.{wanted}.expression")
    else:
        yield from _refused(known.mutation_fault(expression, wanted), expression, f"{path}.{wanted}.expression")
    for other in _MEMBER_OF.values():
        if other != wanted and other in mutation:
            shown = f"{{{other}}}"
            yield invalid(f"{path}.{other}", shown, f"must not be specified when patchType is {kind}")


# Bindings.


def _binding(obj: KubeObject) -> Causes:
    spec = obj.get("spec") or {}
    name = spec.get("policyName", "")
    if not name:
        yield required("spec.policyName")
    else:
        yield from all_invalid("spec.policyName", name, dns_subdomain(name))
    if (reference := spec.get("paramRef")) is not None:
        yield from _param_reference(reference, "spec.paramRef")
    if (resources := spec.get("matchResources")) is not None:
        yield from _match_resources(resources, "spec.matchResources", needs_rules=False)


def _validating_binding(obj: KubeObject) -> Causes:
    yield from _binding(obj)
    yield from _actions((obj.get("spec") or {}).get("validationActions") or [], "spec.validationActions")


def _actions(actions: list[str], path: str) -> Causes:
    if not actions:
        yield required(path)
    for index, action in enumerate(actions):
        yield from _one_of(action, f"{path}[{index}]", _ACTIONS)
        if action in actions[:index]:
            yield duplicate(f"{path}[{index}]", action)
    if {"Deny", "Warn"} <= set(actions):
        yield invalid(
            path,
            actions,
            "must not contain both Deny and Warn (repeating the same validation failure information in the API "
            "response and headers serves no purpose)",
        )


def _param_reference(reference: KubeObject, path: str) -> Causes:
    has_name, has_selector = bool(reference.get("name")), "selector" in reference
    if has_name and has_selector:
        for member in ("name", "selector"):
            yield forbidden(f"{path}.{member}", "name and selector are mutually exclusive")
    elif not has_name and not has_selector:
        yield required(path, "one of name or selector must be specified")
    yield from label_selector(reference.get("selector"), f"{path}.selector")
    action = reference.get("parameterNotFoundAction")
    if action is None:
        yield required(f"{path}.parameterNotFoundAction")
    else:
        yield from _one_of(action, f"{path}.parameterNotFoundAction", ("Deny", "Allow"))


ADMISSIONREGISTRATION = {
    "admissionregistration.k8s.io/v1/validatingwebhookconfigurations": Kind(create=_webhooks),
    "admissionregistration.k8s.io/v1/mutatingwebhookconfigurations": Kind(create=_webhooks),
    "admissionregistration.k8s.io/v1/validatingadmissionpolicies": Kind(create=_validating_policy),
    "admissionregistration.k8s.io/v1/mutatingadmissionpolicies": Kind(create=_mutating_policy),
    "admissionregistration.k8s.io/v1/validatingadmissionpolicybindings": Kind(create=_validating_binding),
    "admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings": Kind(create=_binding),
}
