"""Who should hold a resource, and who could be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaos.checks.evidence import Evidence, SiteView

EXAMPLES_MAX = 3


def members_of(evidence: Evidence, resource: str) -> tuple[str, ...]:
    return evidence.timeline.members().get(resource, ())


def viewed(evidence: Evidence, sites: Sequence[str]) -> tuple[dict[str, SiteView], list[str]]:
    """The views of `sites`, and a line for each that could not be looked at."""
    views = {site: evidence.views[site] for site in sites if site in evidence.views}
    unseen = [f"{site} was not looked at" for site in sites if site not in views]
    unseen += [f"{site} could not be looked at: {view.problem}" for site, view in views.items() if view.problem]
    return {site: view for site, view in views.items() if not view.problem}, unseen


@dataclass(frozen=True, slots=True)
class Missing:
    """Says at which sites something of a resource is missing."""

    what: str
    resource: str

    def at(self, sites: Iterable[str]) -> list[str]:
        missing = list(sites)
        return [f"no {self.what} of {self.resource} at {some(missing)}"] if missing else []


def some(sites: Sequence[str]) -> str:
    """`a, b, c and 4 more`."""
    named = ", ".join(sites[:EXAMPLES_MAX])
    rest = len(sites) - EXAMPLES_MAX
    return f"{named} and {rest} more" if rest > 0 else named
