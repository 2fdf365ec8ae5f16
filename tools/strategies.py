"""Makes fakekube/data/strategies.json from what was recorded of a real kube-apiserver: `python tools/strategies.py RECORDED`.

RECORDED is a JSON file `{header: {version, ...}, resources: {plural: facts}}`; the facts are what the server did when
each resource was created, updated, patched and deleted once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "fakekube" / "data" / "strategies.json"

FORMAT = (
    "resources: plural, or plural.group where another group has the same plural -> what differs from the plain "
    "resource. put_creates: PUT to an absent name creates; needs_resource_version: an update must carry one; "
    "has_generation: generation starts at 1; generation_grows: with each change of the specification; generation_follows: metadata that "
    "raises it too; delete_returns_object: DELETE answers the object, not a Status; has_status: only /status writes "
    "the status; keeps_status_on_create; status_writes: metadata that /status may change; finalizers: set on create; "
    "orphans_by_default: DELETE without options orphans the dependents"
)
# Read in the server's source, not measured: the generation of a Deployment follows its annotations, that of a
# PriorityClass stays what it was at creation.
GENERATION_FOLLOWS = {"deployments": ["annotations"]}
GENERATION_STAYS = ("priorityclasses",)


def strategy(plural: str, facts: dict[str, Any]) -> dict[str, Any]:
    subresource = facts.get("status_subresource")
    after_delete = facts["after_delete"] if isinstance(facts["after_delete"], dict) else {}
    orphans = "orphan" in (after_delete.get("finalizers") or [])
    follows = ["labels"] if facts.get("generation_after_label_change") == 2 else GENERATION_FOLLOWS.get(plural)
    found = {
        "put_creates": facts["put_of_a_missing_object"] == 201,
        "needs_resource_version": isinstance(facts["put_without_resourceVersion"], list),
        "has_generation": facts["generation_on_create"] == 1,
        "generation_grows": plural not in GENERATION_STAYS
        and (facts["generation_on_create"] == 1 or facts.get("generation_after_spec_change") == 1),
        "generation_follows": follows,
        "delete_returns_object": facts["delete_returns"] != "Status" and not orphans,  # what waits is answered anyway
        "has_status": "status_on_create" in facts,
        "keeps_status_on_create": facts.get("status_on_create") == "kept",
        "status_writes": [
            each
            for each in ("labels", "annotations")
            # refused for its status alone: namespaces and certificate requests write both, as most do
            if isinstance(subresource, list) or (subresource and subresource[f"{each}_apply"])
        ],
        "finalizers": facts.get("finalizers_on_create"),
        "orphans_by_default": orphans,
    }
    return {name: value for name, value in found.items() if value}


def main(recorded: str) -> None:
    table = json.loads(Path(recorded).read_text())
    source = table["header"]["source"]
    resources = {
        plural: strategy(plural, facts)
        for plural, facts in sorted(table["resources"].items())
        if not plural[-1].isdigit()
    }
    header = {"format": FORMAT, "source": source, "generator": "tools/strategies.py"}
    lines = ",\n".join(f"{json.dumps(plural)}: {json.dumps(facts)}" for plural, facts in resources.items())
    TARGET.write_text(f'{{"header": {json.dumps(header)},\n"resources": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main(sys.argv[1])
