"""The folder that `fakekube serve` writes: kubeconfigs, and ready.json once everything answers."""

from __future__ import annotations

import json
from pathlib import Path

from chaos.serve.options import ServeOptions
from chaos.serve.sites import Federation
from fakekube.http.kubeconfig import kubeconfig_text


def write(options: ServeOptions, served: Federation) -> Path:
    """All files, ready.json last and in one step; gives its path."""
    out = options.out.resolve()
    (out / "links").mkdir(parents=True, exist_ok=True)
    for name in options.names:
        (out / f"{name}.kubeconfig").write_text(kubeconfig_text(served.entry(name), name))
    for (a, b), link in served.links.items():
        (out / "links" / f"{a}--{b}.kubeconfig").write_text(kubeconfig_text(f"http://{link.listen}", b))
    ready = out / "ready.json"
    unfinished = out / "ready.json.tmp"
    unfinished.write_text(json.dumps(_ready(out, options, served), indent=2) + "\n")
    unfinished.replace(ready)
    return ready


def _ready(out: Path, options: ServeOptions, served: Federation) -> dict[str, object]:
    return {
        "version": 1,
        "toxiproxy": served.toxiproxy,
        "sites": {name: _site(out, served, name) for name in options.names},
        "links": {f"{a}--{b}": {"listen": link.listen, "proxy": link.proxy} for (a, b), link in served.links.items()},
    }


def _site(out: Path, served: Federation, name: str) -> dict[str, str | None]:
    agent = served.agents.get(name)
    return {
        "url": served.apiservers[name],
        "kubeconfig": str(out / f"{name}.kubeconfig"),
        "agent": agent,
        "data": str(out / name / "data") if agent else None,
    }
