"""What docs/security.md shows, works."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fakekube.sites import Site

PAGE = (Path(__file__).parents[4] / "docs/security.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def shown(example: str, names: dict[str, Any]) -> dict[str, Any]:
    exec(compile(example, "docs/security.md", "exec"), names)
    return names


def test_a_site_in_process_asks() -> None:
    (example,) = (each for each in EXAMPLES if "authentication=" in each)
    site = Site()
    names = shown(example, {"time": type("clock", (), {"time": site.clock}), "random": random})
    site.server = names["apiserver"]
    assert site.get("/api/v1/pods").message.startswith('pods is forbidden: User "system:anonymous"')


@pytest.mark.parametrize(("image", "status"), [("ours/web", 201), ("theirs/web", 403)])
def test_a_plugin_looks_at_images(image: str, status: int) -> None:
    (example,) = (each for each in EXAMPLES if "admission=" in each)
    site = Site()
    made = {"name": "paris", "now": site.clock, "rng": random.Random(1)}
    names = shown(example.replace("Apiserver(...", "Apiserver(**made"), {"Apiserver": type(site.server), "made": made})
    site.server = names["apiserver"]
    site.settle()
    pod = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "c", "image": image}]}}
    answer = site.post("/api/v1/namespaces/default/pods", pod)
    assert answer.status == status
    if status == 201:
        assert answer.json["metadata"]["labels"] == {"checked": "yes"}
    else:
        assert answer.message == 'pods "x" is forbidden: only images of ours'
