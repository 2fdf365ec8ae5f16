"""What expressions of mutations make: parts of an object of any form, and steps of a JSON patch. They are checked, not run.

Source: k8s.io/apiserver/pkg/admission/plugin/policy/mutating and pkg/cel/mutation of 1.37.
"""

from __future__ import annotations

from collections.abc import Mapping

from fakekube.registry.cel.celtypes import DYN, STRING, Type, list_of, struct
from fakekube.registry.cel.declarations import Overload

_OBJECT, _STEP = "Object", "JSONPatch"
_STEP_FIELDS: Mapping[str, Type] = {"op": STRING, "path": STRING, "from": STRING, "value": DYN}
_ESCAPE = Overload(
    id="string_jsonpatch_escapeKey_string",
    function="jsonpatch.escapeKey",
    member=False,
    args=(STRING,),
    result=STRING,
    params=(),
)
# What a mutation must evaluate to, by the member that holds its expression.
RESULTS: Mapping[str, Type] = {"applyConfiguration": struct(_OBJECT), "jsonPatch": list_of(struct(_STEP))}


class MutationObjects:
    """`Object` and whatever is named below it have any fields; a JSONPatch has those of RFC 6902."""

    functions: Mapping[str, tuple[Overload, ...]] = {_ESCAPE.function: (_ESCAPE,)}

    def knows(self, name: str) -> bool:
        return name in (_OBJECT, _STEP) or name.startswith(f"{_OBJECT}.")

    def field(self, name: str, member: str) -> Type | None:
        return _STEP_FIELDS.get(member) if name == _STEP else DYN
