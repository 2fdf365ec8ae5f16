"""What every verb of one site shares: its objects, its clock, its chance, its catalog and its work for later."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from fakekube.registry.authenticator import ISSUER, Authenticator
from fakekube.registry.authorizer import ALWAYS_ALLOW, Authorizer
from fakekube.registry.gate import Gate
from fakekube.registry.resources import ResourceCatalog
from fakekube.registry.root_ca import ROOT_CA
from fakekube.registry.schedule import Schedule
from fakekube.registry.signing import SigningKey
from fakekube.registry.strategies import Served, served
from fakekube.registry.write_control import WriteControl
from fakekube.storage.store import Store


@dataclass(slots=True, kw_only=True)
class Site:
    """`now` gives epoch seconds, `steady` seconds of a clock that nobody sets; every uid and generated name is drawn
    from `rng`."""

    name: str
    now: Callable[[], float]
    steady: Callable[[], float]
    rng: random.Random
    store: Store
    catalog: ResourceCatalog
    schedule: Schedule = field(init=False)
    # Who may do what, whose tokens are whose, and what stands before writes: nobody is refused until it is said.
    authorizer: Authorizer = ALWAYS_ALLOW
    authenticator: Authenticator | None = None
    gate: Gate | None = None
    # Policies and webhooks; None while the site has neither.
    dynamic: WriteControl | None = None
    # Where the site is reached; the shell that serves it says so.
    url: str = ISSUER
    # The certificate that every namespace tells its pods to verify the apiserver with.
    root_ca: str = ROOT_CA
    # Signs the tokens of ServiceAccounts.
    signing_key: SigningKey = field(init=False)

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.now, self.steady)
        self.signing_key = SigningKey(self.rng.randbytes(32))

    def served(self, group: str, version: str, plural: str) -> Served | None:
        resource = self.catalog.find(group, version, plural)
        return served(resource) if resource is not None else None

    def stored(self) -> Mapping[str, Served]:
        """For each storage, the resource whose form its objects have."""
        return _stored(self.catalog)


@lru_cache(maxsize=64)
def _stored(catalog: ResourceCatalog) -> Mapping[str, Served]:
    found: dict[str, Served] = {}
    for resource_type in catalog:
        resource, custom = served(resource_type), resource_type.custom
        if resource.key not in found or (custom is not None and custom.name == custom.stored):
            found[resource.key] = resource
    return found
