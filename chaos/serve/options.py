"""What `fakekube serve` was asked for, and what of it makes no sense."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chaos.scenario.errors import BadScenario
from chaos.scenario.topology import Sites

COMMAND = "fakekube serve"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """One run of `fakekube serve`; the members are the options of the command line."""

    sites: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    tls: bool = False
    collab: bool = False
    toxiproxy: bool = False
    toxiproxy_url: str | None = None
    links: str | None = None
    load: Path | None = None
    seed: int = 0
    token_file: Path | None = None
    rbac: bool = False
    controllers: Literal["none", "core", "workloads"] = "core"
    out: Path = Path("fakekube-run")

    @property
    def names(self) -> tuple[str, ...]:
        return Sites(count=self.sites).names()

    @property
    def has_links(self) -> bool:
        return self.toxiproxy or self.toxiproxy_url is not None


def refused(option: str, problem: str) -> BadScenario:
    """An option that cannot be had: exit code 2, one line."""
    return BadScenario(COMMAND, option, problem)


def check(options: ServeOptions) -> None:
    """Refuses loudly what contradicts itself. Raises BadScenario."""
    if options.toxiproxy and options.toxiproxy_url is not None:
        raise refused("--toxiproxy-url", "give either --toxiproxy (built in) or --toxiproxy-url URL, not both")
    if options.links is not None and not options.has_links:
        raise refused("--links", "links are proxies: add --toxiproxy or --toxiproxy-url URL")
    ports = 2 * options.sites if options.collab else options.sites
    if options.port and options.port + ports > 65536:
        raise refused(
            "--port", f"{options.sites} sites need {ports} ports, {options.port} leaves {65536 - options.port}"
        )
