"""Questions about access. Source: pkg/apis/authorization/validation of Kubernetes 1.37."""

from __future__ import annotations

from fakekube.meta.objects import KubeObject, metadata
from fakekube.registry.validation.causes import Causes, forbidden, invalid, required
from fakekube.registry.validation.kind import in_all
from fakekube.registry.validation.selectors import label_requirement

_ONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


def self_subject_access_review(review: KubeObject) -> Causes:
    yield from _one_matter(_spec(review))
    yield from _selectors(_spec(review))
    yield from _empty_metadata(review, "must be empty")


def subject_access_review(review: KubeObject) -> Causes:
    yield from _subject(_spec(review))
    yield from _empty_metadata(review, "must be empty")


def local_subject_access_review(review: KubeObject) -> Causes:
    spec = _spec(review)
    yield from _subject(spec)
    yield from _empty_metadata(review, "must be empty except for namespace", "namespace")
    attributes, url = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if attributes is not None:
        found = attributes.get("namespace") or ""
        if found != (metadata(review).get("namespace") or ""):
            yield invalid("spec.resourceAttributes.namespace", found, "must match metadata.namespace")
    if url is not None:
        yield invalid("spec.nonResourceAttributes", _shown_url(url), "disallowed on this kind of request")


def _spec(review: KubeObject) -> KubeObject:
    found: KubeObject = review.get("spec") or {}
    return found


def _subject(spec: KubeObject) -> Causes:
    yield from _one_matter(spec)
    if not spec.get("user") and not spec.get("groups"):
        yield invalid("spec.user", spec.get("user") or "", "at least one of user or group must be specified")
    yield from _selectors(spec)


def _one_matter(spec: KubeObject) -> Causes:
    attributes, url = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (attributes is None) == (url is None):
        yield invalid("spec", _shown_url(url) if url is not None else None, _ONE)


def _shown_url(url: KubeObject) -> KubeObject:
    """By the names of Go's own fields."""
    return {"Path": url.get("path") or "", "Verb": url.get("verb") or ""}


def _empty_metadata(review: KubeObject, detail: str, *allowed: str) -> Causes:
    found = metadata(review)
    if set(found) - {"managedFields", *allowed}:
        yield invalid("metadata", dict(found), detail)


def _selectors(spec: KubeObject) -> Causes:
    attributes: KubeObject = spec.get("resourceAttributes") or {}
    for member, requirement in (("fieldSelector", _field_requirement), ("labelSelector", _label_requirement)):
        selector, path = attributes.get(member), f"spec.resourceAttributes.{member}"
        if selector is None:
            continue
        raw, requirements = selector.get("rawSelector"), selector.get("requirements")
        if raw and requirements:
            yield invalid(f"{path}.rawSelector", raw, "may not specified at the same time as requirements")
        if not raw and not requirements:
            detail = f"when {path} is specified, requirements or rawSelector is required"
            yield required(f"{path}.requirements", detail)
        yield from in_all(requirements, f"{path}.requirements", requirement)


def _field_requirement(requirement: KubeObject, path: str) -> Causes:
    """An operator that nobody knows is let through: a newer client may know it."""
    operator, values = requirement.get("operator"), requirement.get("values")
    if not requirement.get("key"):
        yield required(f"{path}.key", "must be specified")
    if operator in ("In", "NotIn") and not values:
        yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
    if operator in ("Exists", "DoesNotExist") and values:
        yield forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")


def _label_requirement(requirement: KubeObject, path: str) -> Causes:
    return (cause for cause in label_requirement(requirement, path) if cause.field != f"{path}.operator")
