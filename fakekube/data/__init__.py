"""Generated tables: facts recorded from a real kube-apiserver. `tools/tables.py` makes them; nothing is edited by hand.

Each file opens with a `header` that names the server's version and the generator.
"""

from __future__ import annotations

from importlib.resources import files

import msgspec

from fakekube.meta.objects import KubeObject

# Table entries stay undecoded until somebody asks for them: one object of 300 needs a hundredth of the table.
LazyEntries = dict[str, msgspec.Raw]

_TYPED_ENTRIES = msgspec.json.Decoder(dict[str, LazyEntries])


def read_bytes(name: str) -> bytes:
    """The file `name` of this package as it is."""
    return files(__name__).joinpath(name).read_bytes()


def read_table(name: str) -> KubeObject:
    """The whole table `name`, decoded."""
    table: KubeObject = msgspec.json.decode(read_bytes(name))
    return table


def read_lazily(name: str) -> dict[str, LazyEntries]:
    """The table `name` two levels deep: section -> entry -> undecoded JSON."""
    return _TYPED_ENTRIES.decode(read_bytes(name))
