"""CEL as a Kubernetes apiserver runs it: `x-kubernetes-validations` of custom resources, expressions of admission.

    compiled = compile_validations(schema)            # a structural schema from its root, openAPIV3Schema
    compiled.errors                                   # why the definition is refused; empty when it may be created
    compiled.check(obj, old)                          # why the object is refused; empty when it may be stored

`CompiledValidations.errors` are `Cause`s whose `field` is relative to the schema (`properties[spec].x-kubernetes-
validations[0].rule`; empty for the schema as a whole); `errors_under(path)` has them under the schema's own path.
They are to be asked for only when the schema is structural and its defaults fit: the real server compiles no rule else.
`check` wants an object that is pruned, defaulted and valid by its schema: the real server runs no rule else.

Nothing is imported before the first call, and a schema without rules answers from two small loops: a site without
rules pays nothing. Compiled schemas are kept by content, a bounded number of them.

Source: cel-go 0.29 and k8s.io/apiserver/pkg/cel of 1.37, as facts; answers recorded from kube-apiserver 1.37.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fakekube.meta.objects import KubeObject

if TYPE_CHECKING:
    from fakekube.registry.cel.validations import CompiledValidations

__all__ = ["check_expression", "compile_validations"]


def compile_validations(schema: KubeObject, held: KubeObject | None = None) -> CompiledValidations:
    """Every rule of a structural schema, compiled, checked and priced.

    `held`: the schema of the same version that an update replaces. Its expressions may use what the release before
    did not know, and when it is equal to `schema` no expression is too expensive on its own.
    """
    from fakekube.registry.cel.validations import compiled

    return compiled(schema, held)


def check_expression(expression: str, variables: Mapping[str, str], wanted: str = "bool") -> str | None:
    """Why an expression of admission does not compile, as the real server words it; None when it does.

    `variables`: name -> CEL type (`"object": "dyn"`). `wanted`: the type it must have, or several, `bool|null_type`.
    """
    from fakekube.registry.cel.expressions import fault

    return fault(expression, variables, wanted)
