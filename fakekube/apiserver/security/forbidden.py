"""The refusals of authorization. Source: k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go."""

from __future__ import annotations

from fakekube.meta.errors import Details, StatusError, qualified
from fakekube.meta.gofmt import go_quoted
from fakekube.registry.authorizer import Attributes

# No browser shall take the text for a page.
NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}
_UNMARKED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def forbidden(attributes: Attributes, reason: str = "") -> StatusError:
    """403 that says who cannot do what, and where; `reason` is what was found out on the way."""
    why = _cannot(attributes).translate(_UNMARKED)
    if reason:
        why = f"{why}: {reason}"
    resource = qualified(attributes.resource, attributes.group)
    named = f"{resource} {go_quoted(attributes.name)}" if attributes.name else resource
    return StatusError(
        code=403,
        reason="Forbidden",
        message=f"{named} is forbidden: {why}" if attributes.resource else f"forbidden: {why}",
        details=Details(name=attributes.name, group=attributes.group, kind=attributes.resource),
        headers=NO_SNIFFING,
    )


def _cannot(attributes: Attributes) -> str:
    who = f"User {go_quoted(attributes.user.name)} cannot {attributes.verb}"
    if not attributes.resource_request:
        return f"{who} path {go_quoted(attributes.path)}"
    what = f"resource {go_quoted(attributes.combined)} in API group {go_quoted(attributes.group)}"
    if attributes.namespace:
        return f"{who} {what} in the namespace {go_quoted(attributes.namespace)}"
    return f"{who} {what} at the cluster scope"
