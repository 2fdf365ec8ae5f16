"""Every benchmark, one after another: `make bench`."""

from __future__ import annotations

import runpy

MODULES = (
    "benchmarks.apiserver",
    "benchmarks.sites",
    "benchmarks.scenarios",
    "benchmarks.whole_runs",
    "benchmarks.record",
)

if __name__ == "__main__":
    for module in MODULES:
        print(f"== {module}", flush=True)
        runpy.run_module(module, run_name="__main__")
