"""Where in a scenario something stands, while it compiles: for complaints, and for looking up sites."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chaos.scenario.errors import BadScenario, Source
from chaos.scenario.selector import Selector
from chaos.scenario.topology import Topology


@dataclass(frozen=True, slots=True)
class Place:
    """`path` in the document of `source`; `where` are the sites that names there mean."""

    source: Source
    path: str
    where: Topology

    def at(self, step: str) -> Place:
        return replace(self, path=f"{self.path}{step}")

    def bad(self, problem: str) -> BadScenario:
        return self.source.bad(self.path, problem)

    def sites(self, selector: Selector) -> tuple[str, ...]:
        """Raises BadScenario for an unknown site, and for a selection of none."""
        try:
            sites = self.where.resolve(selector)
        except ValueError as error:
            raise self.bad(str(error)) from None
        if not sites:
            raise self.bad("selects no site: name one, or write all")
        return sites

    def site(self, name: str) -> str:
        return self.sites(Selector(sites=(name,)))[0]
