"""A site that asks nobody does not load what only certificates and tokens need, and has no filter for them."""

from __future__ import annotations

import subprocess
import sys

from tests.unit.fakekube.sites import Site

STORY = """
import random, sys
from fakekube.apiserver.request import Request
from fakekube.apiserver.server import Apiserver
import fakekube.http.site
site = Apiserver(name="x", now=lambda: 1.8e9, rng=random.Random(1))
site.run_due(1.8e9)
assert site.handle(Request(method="GET", path="/api/v1/namespaces")).status == 200
print(sorted(name for name in sys.modules if name.partition(".")[0] in ("cryptography", "OpenSSL")))
"""


def test_nothing_of_cryptography_or_pyopenssl_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", STORY], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "[]\n"


def test_there_is_no_gate(site: Site) -> None:
    assert site.server.site.gate is None
    assert site.server.site.authenticator is None
