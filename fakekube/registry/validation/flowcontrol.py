"""Flow schemas and priority levels. Source: pkg/apis/flowcontrol/validation of Kubernetes 1.37, and recorded answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import (
    Causes,
    all_invalid,
    duplicate,
    forbidden,
    invalid,
    required,
    unsupported,
)
from fakekube.registry.validation.kind import Kind, in_all
from fakekube.registry.validation.names import Faults, dns_label, dns_subdomain

_PRECEDENCE_MAX = 10_000
_QUEUES_MAX = 10_000_000
_HASH_BITS = 60
_METHODS = ("ByNamespace", "ByUser")
_SUBJECTS = ("Group", "ServiceAccount", "User")
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_MEMBERS = {"ServiceAccount": "serviceAccount", "User": "user", "Group": "group"}
_NAMESPACE = "each member of this list must be '*' or a DNS-1123 label; "
_SHARES = "must be a non-negative integer"


def _schema(obj: KubeObject) -> Causes:
    spec, name = obj.get("spec") or {}, (obj.get("metadata") or {}).get("name")
    path, precedence = "spec.matchingPrecedence", spec.get("matchingPrecedence") or 0
    if precedence <= 0:
        yield invalid(path, precedence, "must be a positive value")
    if precedence > _PRECEDENCE_MAX:
        yield invalid(path, precedence, f"must not be greater than {_PRECEDENCE_MAX}")
    if precedence == 1 and name != "exempt":
        yield invalid(path, precedence, "only the schema named 'exempt' may have matchingPrecedence 1")
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in _METHODS:
        yield unsupported("spec.distinguisherMethod.type", {"Type": method.get("type") or ""}, _METHODS)
    level = (spec.get("priorityLevelConfiguration") or {}).get("name") or ""
    if level:
        yield from all_invalid("spec.priorityLevelConfiguration.name", level, dns_subdomain(level))
    else:
        yield required("spec.priorityLevelConfiguration.name", "must reference a priority level")
    yield from in_all(spec.get("rules"), "spec.rules", _rule)


def _rule(rule: KubeObject, path: str) -> Causes:
    if not rule.get("subjects"):
        yield required(f"{path}.subjects", "subjects must contain at least one value")
    yield from in_all(rule.get("subjects"), f"{path}.subjects", _subject)
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        yield required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")
    yield from in_all(rule.get("resourceRules"), f"{path}.resourceRules", _resource_rule)
    yield from in_all(rule.get("nonResourceRules"), f"{path}.nonResourceRules", _url_rule)


def _subject(subject: KubeObject, path: str) -> Causes:
    kind = subject.get("kind") or ""
    if kind not in _SUBJECTS:
        yield unsupported(f"{path}.kind", kind, _SUBJECTS)
        return
    member = _MEMBERS[kind]
    value = subject.get(member)
    if value is None:
        yield required(f"{path}.{member}", f"{member} is required when subject kind is '{kind}'")
    else:
        yield from _named(value, f"{path}.{member}", kind)
    for other, name in _MEMBERS.items():
        if other != kind and subject.get(name) is not None:
            yield forbidden(f"{path}.{name}", f"{name} is forbidden when subject kind is not '{other}'")


def _named(value: KubeObject, path: str, kind: str) -> Causes:
    name, namespace = value.get("name") or "", value.get("namespace") or ""
    if not name:
        yield required(f"{path}.name")
    elif kind == "ServiceAccount" and name != "*":
        yield from all_invalid(f"{path}.name", name, dns_subdomain(name))
    if kind != "ServiceAccount":
        return
    if namespace:
        yield from all_invalid(f"{path}.namespace", namespace, dns_label(namespace))
    else:
        yield required(f"{path}.namespace", "must specify namespace for service account")


def _verbs(verbs: Sequence[str], path: str) -> Causes:
    if not verbs:
        yield required(path, "verbs must contain at least one value")
    elif "*" in verbs:
        yield from _alone(verbs, path, "verbs")
    elif not set(verbs) <= set(_VERBS):
        yield unsupported(path, verbs, _VERBS)


def _alone(values: Sequence[str], path: str, what: str) -> Causes:
    """A wildcard stands for all, so nothing else stands beside it."""
    if len(values) > 1 and "*" in values:
        yield invalid(path, values, f"if '*' is present, must not specify other {what}")


def _resource_rule(rule: KubeObject, path: str) -> Causes:
    yield from _verbs(rule.get("verbs") or [], f"{path}.verbs")
    for member, one, many in (("apiGroups", "api group", "api groups"), ("resources", "resource", "resources")):
        values = rule.get(member) or []
        if not values:
            yield required(f"{path}.{member}", f"resource rules must supply at least one {one}")
        yield from _alone(values, f"{path}.{member}", many)
    namespaces = rule.get("namespaces") or []
    if not namespaces and not rule.get("clusterScope"):
        detail = "resource rules that are not cluster scoped must supply at least one namespace"
        yield required(f"{path}.namespaces", detail)
    elif "*" in namespaces:
        yield from _alone(namespaces, f"{path}.namespaces", "namespaces")
    else:
        for index, name in enumerate(namespaces):
            faults = [_NAMESPACE + fault for fault in dns_label(name)]
            yield from all_invalid(f"{path}.namespaces[{index}]", name, faults)


def _url_rule(rule: KubeObject, path: str) -> Causes:
    yield from _verbs(rule.get("verbs") or [], f"{path}.verbs")
    urls = rule.get("nonResourceURLs") or []
    if not urls:
        yield required(f"{path}.nonResourceURLs", "nonResourceURLs must contain at least one value")
    elif "*" in urls:
        yield from _alone(urls, f"{path}.nonResourceURLs", "non-resource URLs")
    else:
        for index, url in enumerate(urls):
            yield from all_invalid(f"{path}.nonResourceURLs[{index}]", url, _url_faults(url))


def _url_faults(url: str) -> Faults:
    if not url:
        return ["must not be empty"]
    if url == "/":
        return []
    if not url.startswith("/"):
        return ["must start with slash"]
    if " " in url:
        return ["must not contain white-space"]
    if "//" in url:
        return ["must not contain double slash"]
    return ["wildcard can only do suffix matching"] if "*" in url and not url.endswith("/*") else []


def _schema_status(obj: KubeObject, held: KubeObject) -> Causes:
    seen: set[str] = set()
    for index, condition in enumerate((obj.get("status") or {}).get("conditions") or ()):
        path, kind = f"status.conditions[{index}].type", condition.get("type") or ""
        if kind in seen:
            yield duplicate(path, kind)
        seen.add(kind)
        if not kind:
            yield required(path)


def _level(obj: KubeObject) -> Causes:
    spec, name = obj.get("spec") or {}, (obj.get("metadata") or {}).get("name")
    kind, limited, exempt = spec.get("type") or "", spec.get("limited"), spec.get("exempt")
    if (name == "exempt") != (kind == "Exempt"):
        yield invalid("spec.type", kind, "must be 'Exempt' if and only if `name` is 'exempt'")
    if kind == "Exempt" and exempt is not None:
        yield from _shares(exempt, "spec.exempt")
    elif kind == "Limited" and limited is not None:
        yield from _limited(limited, "spec.limited")
    elif kind and kind not in ("Exempt", "Limited"):
        yield unsupported("spec.type", kind, ("Exempt", "Limited"))
    yield from _level_union(spec, kind)


def _level_union(spec: KubeObject, kind: str) -> Causes:
    """What the type's own rules say; the server reports them last."""
    limited, exempt = spec.get("limited"), spec.get("exempt")
    if kind == "Limited" and limited is None:
        yield required("spec.limited")
    if kind != "Limited" and limited is not None:
        yield forbidden("spec.limited")
    if kind != "Exempt" and exempt is not None:
        yield forbidden("spec.exempt")
    if not kind:
        yield required("spec.type")
    response = (limited or {}).get("limitResponse") or {}
    if limited is not None:
        yield from _response_union(response, "spec.limited.limitResponse")


def _response_union(response: KubeObject, path: str) -> Causes:
    kind, queuing = response.get("type") or "", response.get("queuing")
    if kind == "Queue" and queuing is None:
        yield required(f"{path}.queuing")
    if kind != "Queue" and queuing is not None:
        yield forbidden(f"{path}.queuing")
    if not kind:
        yield required(f"{path}.type")


def _shares(value: KubeObject, path: str) -> Causes:
    if (value.get("nominalConcurrencyShares") or 0) < 0:
        yield invalid(f"{path}.nominalConcurrencyShares", value["nominalConcurrencyShares"], _SHARES)
    yield from _lendable(value, path)


def _lendable(value: KubeObject, path: str) -> Causes:
    percent = value.get("lendablePercent")
    if percent is not None and not 0 <= percent <= 100:
        yield invalid(f"{path}.lendablePercent", percent, "must be between 0 and 100, inclusive")


def _limited(limited: KubeObject, path: str) -> Causes:
    if (limited.get("nominalConcurrencyShares") or 0) < 0:
        yield invalid(f"{path}.nominalConcurrencyShares", limited["nominalConcurrencyShares"], _SHARES)
    response = limited.get("limitResponse") or {}
    kind, queuing = response.get("type") or "", response.get("queuing")
    if kind == "Queue" and queuing is not None:
        yield from _queuing(queuing, f"{path}.limitResponse.queuing")
    elif kind and kind not in ("Queue", "Reject"):
        yield unsupported(f"{path}.limitResponse.type", kind, ("Queue", "Reject"))
    yield from _lendable(limited, path)
    borrowing = limited.get("borrowingLimitPercent")
    if borrowing is not None and borrowing < 0:
        yield invalid(f"{path}.borrowingLimitPercent", borrowing, "if specified, must be a non-negative integer")


def _queuing(queuing: KubeObject, path: str) -> Causes:
    limit, queues, hand = (queuing.get(name) or 0 for name in ("queueLengthLimit", "queues", "handSize"))
    if limit <= 0:
        yield invalid(f"{path}.queueLengthLimit", limit, "must be positive")
    if queues <= 0:
        yield invalid(f"{path}.queues", queues, "must be positive")
    elif queues > _QUEUES_MAX:
        yield invalid(f"{path}.queues", queues, f"must not be greater than {_QUEUES_MAX}")
    if hand <= 0:
        yield invalid(f"{path}.handSize", hand, "must be positive")
    elif hand > queues:
        yield invalid(f"{path}.handSize", hand, f"should not be greater than queues ({queues})")
    elif _entropy_bits(queues, hand) > _HASH_BITS:
        detail = (
            f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {_HASH_BITS}"
        )
        yield invalid(f"{path}.handSize", hand, detail)


def _entropy_bits(deck: int, hand: int) -> int:
    """How many bits deal a hand out of a deck."""
    return math.ceil(math.log2(math.prod(deck - dealt for dealt in range(hand)))) if deck > 1 else 0


FLOW_CONTROL: Mapping[str, Kind] = {
    "flowcontrol.apiserver.k8s.io/v1/flowschemas": Kind(create=_schema, status=_schema_status),
    "flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations": Kind(create=_level),
}
