"""The folder that `fakekube serve` writes: kubeconfigs, and ready.json once everything answers."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from chaos.serve.options import ServeOptions
from chaos.serve.security import write_private
from chaos.serve.sites import Federation
from fakekube.http.kubeconfig import kubeconfig_text


def write(options: ServeOptions, served: Federation) -> Path:
    """All files, ready.json last and in one step; gives its path."""
    out = options.out.resolve()
    (out / "links").mkdir(parents=True, exist_ok=True)
    for name in options.names:
        _write_kubeconfig(out / f"{name}.kubeconfig", served, name, served.entry(name))
    for (a, b), link in served.links.items():
        scheme = urlsplit(served.entry(b)).scheme
        _write_kubeconfig(out / "links" / f"{a}--{b}.kubeconfig", served, b, f"{scheme}://{link.listen}")
    ready = out / "ready.json"
    unfinished = out / "ready.json.tmp"
    unfinished.write_text(json.dumps(_ready(out, options, served), indent=2) + "\n")
    unfinished.replace(ready)
    return ready


def _write_kubeconfig(path: Path, served: Federation, site: str, url: str) -> None:
    authority = served.authorities.get(site) if url.startswith("https:") else None
    ca_data = "" if authority is None else authority.as_base64
    text = kubeconfig_text(url, site, token=served.token, ca_data=ca_data)
    if served.token:
        write_private(path, text)
    else:
        path.write_text(text)


def _ready(out: Path, options: ServeOptions, served: Federation) -> dict[str, object]:
    return {
        "version": 1,
        "toxiproxy": served.toxiproxy,
        "sites": {name: _site(out, served, name) for name in options.names},
        "links": {f"{a}--{b}": {"listen": link.listen, "proxy": link.proxy} for (a, b), link in served.links.items()},
    }


def _site(out: Path, served: Federation, name: str) -> dict[str, str | None]:
    """`token`, `ca` and `certificate_kubeconfig` are there where the site asks for them."""
    agent = served.agents.get(name)
    return {
        "url": served.apiservers[name],
        "kubeconfig": str(out / f"{name}.kubeconfig"),
        "agent": agent,
        "data": str(out / name / "data") if agent else None,
        **served.credentials[name],
    }
