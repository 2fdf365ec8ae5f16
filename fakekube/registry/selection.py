"""Which objects a list or watch is about: label and field selectors, checked once, then asked per object."""

from __future__ import annotations

from dataclasses import dataclass, field

from fakekube.meta.errors import bad_request
from fakekube.meta.objects import KubeObject, metadata
from fakekube.meta.selectors import FieldSelector, LabelSelector, parse_field_selector, parse_label_selector
from fakekube.registry.field_labels import Read, field_readers
from fakekube.registry.strategies import Served


@dataclass(frozen=True, slots=True)
class Selection:
    """Falsy when it selects everything."""

    labels: LabelSelector = field(default_factory=LabelSelector)
    fields: FieldSelector = field(default_factory=FieldSelector)
    readers: dict[str, Read] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.labels) or bool(self.fields)

    def matches(self, obj: KubeObject) -> bool:
        if self.labels and not self.labels.matches(metadata(obj).get("labels") or {}):
            return False
        return not self.fields or self.fields.matches({label: read(obj) for label, read in self.readers.items()})

    @property
    def one_name(self) -> str:
        """The only name that can match, when the field selector asks for one; else empty."""
        wanted = [each for each in self.fields.requirements if each.field == "metadata.name" and not each.negated]
        return wanted[0].value if wanted else ""


EVERYTHING = Selection()


def selection(served: Served, label_text: str, field_text: str) -> Selection:
    """The selection that the two texts of a query stand for. 400 in the server's words for what cannot be read."""
    if not label_text and not field_text:
        return EVERYTHING
    labels, fields = parsed_selectors(label_text, field_text)
    return Selection(labels, fields, field_readers(served, fields))


def parsed_selectors(label_text: str, field_text: str) -> tuple[LabelSelector, FieldSelector]:
    """Both selectors, the fields not yet looked up. 400 for what cannot be read."""
    try:
        return parse_label_selector(label_text), parse_field_selector(field_text)
    except ValueError as error:
        raise bad_request(str(error)) from error
