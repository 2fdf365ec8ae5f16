"""What users do in shipped scenarios beyond the steps of the language."""

from __future__ import annotations

from http import HTTPStatus

from chaos.worlds.visits import Failed, Visit

MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


async def own(visit: Visit) -> dict[str, object]:
    """Make a namespace of the name `owner` at this site alone, and let it own the step's resource here."""
    name = visit.arguments["owner"]
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    async with visit.session.post(f"{visit.url}/api/v1/namespaces", json=body) as response:
        made = await response.json()
        if response.status != HTTPStatus.CREATED:
            raise Failed(f"namespace {name}: {made.get('message', response.status)}")
    uid = made["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "Namespace", "name": name, "uid": uid}
    patch = {"metadata": {"ownerReferences": [reference]}}
    async with visit.session.patch(f"{visit.url}/api/v1/{visit.resource}", json=patch, headers=MERGE_PATCH) as response:
        if response.status != HTTPStatus.OK:
            raise Failed(f"{visit.resource} takes no owner: {response.status}")
    return {"owner": uid}
