"""Custom resource definitions. Source: apiextensions-apiserver's validation of Kubernetes 1.37, and recorded answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fakekube.meta.objects import KubeObject
from fakekube.registry.validation.causes import Causes, duplicate, forbidden, invalid, required, unsupported
from fakekube.registry.validation.definition_internal import shown_version
from fakekube.registry.validation.definition_schemas import found_type, openapi_schema
from fakekube.registry.validation.kind import Kind
from fakekube.registry.validation.names import Faults, NameCheck, dns_1035_label, dns_subdomain
from fakekube.registry.validation.object_meta import immutable

_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_SELECTABLE_TYPES = ("string", "boolean", "integer")
_SELECTABLE_MAX = 8
_SCOPES = ("Cluster", "Namespaced")
_WARNING_MAX = 256
_REVIEWS = ("v1", "v1beta1")
_ROOT_TYPE = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
# Members of a version that stand above the versions when all of them have the same.
_SHARED = ("schema", "subresources", "additionalPrinterColumns", "selectableFields")


def _name_of(obj: KubeObject) -> NameCheck:
    """What a definition is named, and the prefix of its name, too: there is but one name that it may have."""
    spec = obj.get("spec") or {}
    wanted = f"{(spec.get('names') or {}).get('plural') or ''}.{spec.get('group') or ''}"

    def check(name: str) -> Faults:
        other = [] if name == wanted else ['must be spec.names.plural+"."+spec.group']
        return [*dns_subdomain(name), *other]

    return check


def _definition(obj: KubeObject) -> Causes:
    causes = list(_checked(obj))
    yield from causes or _uncompilable(obj)
    yield from _approval(obj)
    if (obj.get("spec") or {}).get("preserveUnknownFields"):
        detail = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        )
        yield invalid("spec.preserveUnknownFields", True, detail)


def _uncompilable(obj: KubeObject) -> Causes:
    """A definition is compiled (and kept so) before it is stored: what is too deep for us never gets there."""
    # imported late: what serves custom resources is loaded where there are definitions alone
    from fakekube.registry.crd.custom import compile_versions

    spec = obj["spec"]
    compile_versions(spec["names"]["kind"], spec)
    yield from ()


_APPROVAL = "api-approved.kubernetes.io"


def _approval(obj: KubeObject) -> Causes:
    """Groups of Kubernetes' own need to be approved of."""
    group = (obj.get("spec") or {}).get("group") or ""
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    if group.endswith((".k8s.io", ".kubernetes.io")) and not annotations.get(_APPROVAL):
        see = "see https://github.com/kubernetes/enhancements/pull/1111"
        detail = f'protected groups must have approval annotation "{_APPROVAL}", {see}'
        yield required(f"metadata.annotations[{_APPROVAL}]", detail)


def _checked(obj: KubeObject) -> Causes:
    yield from _spec(obj.get("spec") or {}, {})
    status = obj.get("status") or {}
    yield from _names(status.get("acceptedNames") or {}, "status.acceptedNames")
    yield from _stored(status.get("storedVersions") or [], (obj.get("spec") or {}).get("versions") or [])


def _joined(path: str, value: str, faults: Faults, lead: str = "") -> Causes:
    if faults:
        yield invalid(path, value, lead + ",".join(faults))


def _spec(spec: KubeObject, held: Mapping[str, KubeObject]) -> Causes:
    """`held`: the schemas that an update replaces, by version."""
    yield from _group(spec.get("group") or "")
    scope = spec.get("scope") or ""
    if scope not in _SCOPES:
        yield unsupported("spec.scope", scope, _SCOPES) if scope else required("spec.scope")
    versions: list[KubeObject] = spec.get("versions") or []
    shared, own = _hoisted(versions)
    yield from _versions(spec.get("versions"), shared, own, held)
    names = spec.get("names") or {}
    for member in ("plural", "singular", "kind", "listKind"):
        if not names.get(member):
            yield required(f"spec.names.{member}")
    yield from _names(names, "spec.names")
    first = versions[0].get("name") or "" if versions else ""
    yield from _version(shared, "spec", "validation", held.get(first))
    yield from _conversion(spec.get("conversion"), "spec.conversion")


def _group(group: str) -> Causes:
    faults = dns_subdomain(group)
    if not group:
        yield required("spec.group")
    elif faults:
        yield from _joined("spec.group", group, faults)
    elif "." not in group:
        yield invalid("spec.group", group, "should be a domain with at least one dot")


def _hoisted(versions: Sequence[KubeObject]) -> tuple[KubeObject, list[KubeObject]]:
    """What all versions have alike, and the versions without it: the internal form has it once."""
    shared = {}
    for member in _SHARED:
        first = versions[0].get(member) if versions else None
        if first and all(version.get(member) == first for version in versions):
            shared[member] = first
    return shared, [{name: each for name, each in version.items() if name not in shared} for version in versions]


def _schemas(spec: KubeObject) -> Mapping[str, KubeObject]:
    """The schemas of a definition by version."""
    versions = spec.get("versions") or ()
    return {each.get("name") or "": (each.get("schema") or {}).get("openAPIV3Schema") or {} for each in versions}


def _versions(
    given: Sequence[KubeObject] | None, shared: KubeObject, own: Sequence[KubeObject], held: Mapping[str, KubeObject]
) -> Causes:
    versions = given or ()
    for index, version in enumerate(own):
        if not (version.get("schema") or shared.get("schema") or {}).get("openAPIV3Schema") and "schema" not in shared:
            yield required(f"spec.versions[{index}].schema.openAPIV3Schema")
    names = [version.get("name") or "" for version in versions]
    for index, version in enumerate(own):
        path = f"spec.versions[{index}]"
        yield from _joined(f"{path}.name", names[index], dns_1035_label(names[index]))
        yield from _version(version, path, "schema", held.get(names[index]))
    shown = None if given is None else [shown_version(version) for version in own]
    if len(set(names)) != len(names):
        yield invalid("spec.versions", shown, "must contain unique version names")
    if sum(bool(version.get("storage")) for version in versions) != 1:
        yield invalid("spec.versions", shown, "must have exactly one version marked as storage version")
    if names and names[0]:
        yield from _joined("spec.version", names[0], dns_1035_label(names[0]))


def _warning_faults(warning: str, deprecated: bool) -> Faults:
    """A warning is one line of printable text."""
    if not deprecated:
        return ["can only be set for deprecated versions"]
    faults = []
    if len(warning.encode()) > _WARNING_MAX:
        faults.append(f"must be <= {_WARNING_MAX} characters long")
    if not warning:
        faults.append("must not be an empty string")
    bad = next((index for index, letter in enumerate(warning) if not letter.isprintable()), None)
    if bad is not None:
        at = len(warning[:bad].encode())
        faults.append(f"must only contain printable UTF-8 characters; non-printable character found at index {at}")
    return faults


def _version(version: KubeObject, path: str, schema_member: str, held: KubeObject | None = None) -> Causes:
    """A version, or what all versions have alike; `held` is the schema that an update replaces."""
    warning = version.get("deprecationWarning")
    if warning is not None:
        for fault in _warning_faults(warning, bool(version.get("deprecated"))):
            yield invalid(f"{path}.deprecationWarning", warning, fault)
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is not None:
        kind = schema.get("type") or ""
        if kind not in ("", "object") and (version.get("subresources") or {}).get("status") is not None:
            yield invalid(f"{path}.{schema_member}.openAPIV3Schema.type", kind, _ROOT_TYPE)
        yield from openapi_schema(schema, f"{path}.{schema_member}.openAPIV3Schema", held)
    yield from _subresources(version.get("subresources") or {}, f"{path}.subresources")
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        yield from _column(column, f"{path}.additionalPrinterColumns[{index}]")
    yield from _selectable(version.get("selectableFields") or [], schema, f"{path}.selectableFields")


def _subresources(subresources: KubeObject, path: str) -> Causes:
    scale = subresources.get("scale")
    if scale is None:
        return
    for member, root in (("specReplicasPath", "spec"), ("statusReplicasPath", "status")):
        where = scale.get(member) or ""
        if not where:
            yield required(f"{path}.scale.{member}")
        else:
            yield from _scale_path(where, f"{path}.scale.{member}", (root,), f".{root}")
    selector = scale.get("labelSelectorPath")
    if selector:
        yield from _scale_path(
            selector, f"{path}.scale.labelSelectorPath", ("spec", "status"), "either .spec or .status"
        )


def _scale_path(where: str, path: str, roots: Sequence[str], shown: str) -> Causes:
    if not where.startswith("."):
        yield invalid(path, where, "must be a simple json path starting with .")
    elif not where.startswith(tuple(f".{root}." for root in roots)):
        yield invalid(path, where, f"should be a json path under {shown}")


def _column(column: KubeObject, path: str) -> Causes:
    kind, form, where = (column.get(member) or "" for member in ("type", "format", "jsonPath"))
    one_of = f"must be one of {','.join(_COLUMN_TYPES)}"
    if not column.get("name"):
        yield required(f"{path}.name")
    if not kind:
        yield required(f"{path}.type", one_of)
    elif kind not in _COLUMN_TYPES:
        yield invalid(f"{path}.type", kind, one_of)
    if form and form not in _COLUMN_FORMATS:
        yield invalid(f"{path}.format", form, f"must be one of {','.join(_COLUMN_FORMATS)}")
    if not where:
        yield required(f"{path}.JSONPath")
    elif not where.startswith("."):
        yield invalid(f"{path}.JSONPath", where, "must be a simple json path starting with .")


def _selectable(fields: Sequence[KubeObject], schema: KubeObject | None, path: str) -> Causes:
    seen: set[str] = set()
    for index, field in enumerate(fields):
        here, where = f"{path}[{index}].jsonPath", field.get("jsonPath") or ""
        if not where:
            yield required(here)
            continue
        if not where.startswith((".", "[")):
            yield invalid(here, where, f"is an invalid path: expected [ or . but got: {where}")
            continue
        kind = found_type(schema or {}, where)
        if kind is None:
            yield invalid(here, where, "is an invalid path: does not refer to a valid field")
            continue
        if where.split(".")[1:2] == ["metadata"]:
            yield invalid(here, where, "must not point to fields in metadata")
        if kind not in _SELECTABLE_TYPES:
            detail = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed."
            yield invalid(here, where, detail)
        if where in seen:
            yield duplicate(here, where)
        seen.add(where)


def _names(names: KubeObject, path: str) -> Causes:
    for member in ("plural", "singular"):
        name = names.get(member) or ""
        yield from _joined(f"{path}.{member}", name, dns_1035_label(name) if name else [])
    mixed = "may have mixed case, but should otherwise match: "
    for member in ("kind", "listKind"):
        name = names.get(member) or ""
        yield from _joined(f"{path}.{member}", name, dns_1035_label(name.lower()) if name else [], mixed)
    yield from _each_label(names, "shortNames", path)
    if names.get("kind") and names["kind"] == names.get("listKind"):
        yield invalid(f"{path}.listKind", names["listKind"], "kind and listKind may not be the same")
    yield from _each_label(names, "categories", path)


def _each_label(names: KubeObject, member: str, path: str) -> Causes:
    for index, name in enumerate(names.get(member) or ()):
        yield from _joined(f"{path}.{member}[{index}]", name, dns_1035_label(name))


def _conversion(conversion: KubeObject | None, path: str) -> Causes:
    if conversion is None:
        return
    strategy, webhook = conversion.get("strategy") or "", conversion.get("webhook") or {}
    client, reviews = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    if strategy not in ("None", "Webhook"):
        yield (
            unsupported(f"{path}.strategy", strategy, ("None", "Webhook")) if strategy else required(f"{path}.strategy")
        )
    if strategy != "Webhook":
        detail = "should not be set when strategy is not set to Webhook"
        if client is not None:
            yield forbidden(f"{path}.webhookClientConfig", detail)
        if reviews:
            yield forbidden(f"{path}.conversionReviewVersions", detail)
        return
    if client is None:
        yield required(f"{path}.webhookClientConfig", "required when strategy is set to Webhook")
    elif (client.get("url") is None) == (client.get("service") is None):
        yield required(f"{path}.webhookClientConfig", "exactly one of url or service is required")
    yield from _reviews(reviews, f"{path}.conversionReviewVersions")


def _reviews(versions: Sequence[str], path: str) -> Causes:
    if not versions:
        yield required(path)
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            yield invalid(f"{path}[{index}]", version, "duplicate version")
            continue
        for fault in dns_1035_label(version):
            yield invalid(f"{path}[{index}]", version, fault)
    if not set(versions) & set(_REVIEWS):
        yield invalid(path, versions, f"must include at least one of {', '.join(_REVIEWS)}")


def _stored(stored: Sequence[str], versions: Sequence[KubeObject]) -> Causes:
    path = "status.storedVersions"
    if not stored:
        yield invalid(path, None, "must have at least one stored version")
        return
    names, missing = {version.get("name") for version in versions}, set(stored)
    for version in versions:
        if version.get("storage") and version.get("name") not in missing:
            yield invalid(path, stored, f"must have the storage version {version.get('name')}")
        missing.discard(version.get("name") or "")
    for index, name in enumerate(stored):
        if name not in names:
            detail = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                f"spec.versions until a storage migration ensures no data remains persisted in {name} "
                f"and removes {name} from status.storedVersions"
            )
            yield invalid(f"{path}[{index}]", name, detail)


def _updated(obj: KubeObject, held: KubeObject) -> Causes:
    new, old = obj.get("spec") or {}, held.get("spec") or {}
    yield from _spec(new, _schemas(old))
    conditions = (held.get("status") or {}).get("conditions") or ()
    if any(each.get("type") == "Established" and each.get("status") == "True" for each in conditions):
        yield from immutable(new.get("scope"), old.get("scope"), "spec.scope")
        yield from immutable(_name(new, "kind"), _name(old, "kind"), "spec.names.kind")
    yield from immutable(new.get("group"), old.get("group"), "spec.group")
    yield from immutable(_name(new, "plural"), _name(old, "plural"), "spec.names.plural")
    status = obj.get("status") or {}
    yield from _names(status.get("acceptedNames") or {}, "status.acceptedNames")
    causes = list(_stored(status.get("storedVersions") or [], new.get("versions") or []))
    yield from causes
    if sum(bool(each.get("storage")) for each in new.get("versions") or ()) == 1:
        yield from _uncompilable(obj)


def _name(spec: KubeObject, member: str) -> str:
    name: str = (spec.get("names") or {}).get(member) or ""
    return name


def _updated_status(obj: KubeObject, held: KubeObject) -> Causes:
    yield from _names((obj.get("status") or {}).get("acceptedNames") or {}, "status.acceptedNames")


DEFINITIONS: Mapping[str, Kind] = {
    "apiextensions.k8s.io/v1/customresourcedefinitions": Kind(
        own=False,
        named=_name_of,
        create=_definition,
        update=_updated,
        status=_updated_status,
        update_repeats_create=False,
        update_repeats_metadata=True,
    )
}
