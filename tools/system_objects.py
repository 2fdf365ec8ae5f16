"""Makes fakekube/data/system_objects.json: the objects of a fresh cluster. `python tools/system_objects.py RECORDED`.

RECORDED is a JSON file `{header, fresh, with_controller_manager}`, each a map `path/namespace/name` -> object, recorded
from a real kube-apiserver just started.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "fakekube" / "data" / "system_objects.json"

FORMAT = (
    "fresh and with_controllers: resource (plural.group) -> objects in the order of their creation. metadata uid, "
    "resourceVersion, creationTimestamp and managedFields are left out. @TIME, @MICROTIME, @DATE, @PEM, @SECUREPORT, @ID, @HOST "
    "and @UID stand for what differs between servers. with_controllers holds what is new, or other, once the "
    "controllers run."
)


def by_resource(objects: dict[str, Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for key, obj in objects.items():
        path = key.rsplit("/", 2)[0].split("/")
        group = "" if path[1] == "api" else path[2]
        plural = path[-1]
        if plural == "leases":
            obj["spec"]["renewTime"] = "@MICROTIME"
        found.setdefault(f"{plural}.{group}" if group else plural, []).append(obj)
    return found


def main(recorded: str) -> None:
    table = json.loads(Path(recorded).read_text())
    out = {
        "header": {"format": FORMAT, "source": table["header"]["source"], "generator": "tools/system_objects.py"},
        "fresh": by_resource(table["fresh"]),
        "with_controllers": by_resource(table["with_controller_manager"]),
    }
    TARGET.write_text(json.dumps(out, separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
