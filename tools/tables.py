"""Makes the tables of fakekube/data from a running kube-apiserver and from the Go types of its release.

    python tools/tables.py --server URL --token TOKEN [--out DIR]      # any server; --kubeconfig FILE instead
    python tools/tables.py --real                                      # starts the server that `make real` has built
    python tools/tables.py --real --check                              # compares with the committed tables; exit 1

From the server: discovery (resources.json), OpenAPI v3 (types, defaults, list types, merge keys: schema.json), the
columns of its tables (columns.json). What no server tells comes from Go's struct tags, read by tools/gofacts (needs
Go; with --gofacts FILE its output is taken from a file): field order, named Go types, embedded structs, pointers, what
is always printed, every registered kind (schema.json), protobuf field numbers (protobuf.json). No descriptions.
The next release of Kubernetes is one run and a review of the difference.
"""

from __future__ import annotations

import argparse
import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
GENERATOR = "tools/tables.py"
TABLE_ACCEPT = "application/json;as=Table;v=v1;g=meta.k8s.io"

Json = dict[str, Any]

# Types whose Go name no error message shows: they decode themselves.
_SELF_DECODING = frozenset(
    [
        "v1.Time",
        "v1.MicroTime",
        "v1.Duration",
        "v1.FieldsV1",
        "v1.JSON",
        "resource.Quantity",
        "intstr.IntOrString",
        "runtime.RawExtension",
    ]
)
_RAW = frozenset(["v1.JSON", "v1.FieldsV1", "runtime.RawExtension"])
_EVERYWHERE = frozenset(["DeleteOptions", "WatchEvent"])
# Kinds that have a protobuf form and no schema of their own.
_META_MESSAGES = ("PartialObjectMetadata", "PartialObjectMetadataList")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A kube-apiserver. Its certificate is not checked: the tables are reviewed, and no secret is sent but the token."""

    url: str
    token: str

    def get(self, path: str, accept: str = "application/json") -> Json | None:
        """The document at `path`; None where the server has none."""
        headers = {"Accept": accept, "Authorization": f"Bearer {self.token}"}
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, context=tls, timeout=60) as answer:
                document: Json = json.load(answer)
                return document
        except urllib.error.HTTPError as error:
            if error.code in (404, 405):
                return None
            raise

    def must(self, path: str, accept: str = "application/json") -> Json:
        document = self.get(path, accept)
        if document is None:
            raise SystemExit(f"{self.url}{path}: nothing there; is this a kube-apiserver?")
        return document


# --- resources.json ---------------------------------------------------------------------------------------------------


def resources_table(server: Server) -> Json:
    groups = server.must("/apis")["groups"]
    table = {name: _resources(server.must(path)) for name, path in _group_versions(groups)}
    listed = [[g["name"], [v["version"] for v in g["versions"]], g["preferredVersion"]["version"]] for g in groups]
    return {"groups": listed, "resources": table}


def _group_versions(groups: Sequence[Json]) -> Iterator[tuple[str, str]]:
    yield "v1", "/api/v1"
    for group in groups:
        for version in group["versions"]:
            yield version["groupVersion"], f"/apis/{version['groupVersion']}"


def _resources(document: Json) -> Json:
    found: Json = {}
    for entry in document["resources"]:
        plural, _, sub = entry["name"].partition("/")
        foreign = {name: entry[name] for name in ("group", "version") if name in entry}
        if sub:
            subresources = found[plural].setdefault("subresources", {})
            subresources[sub] = {"kind": entry["kind"], **foreign, "verbs": entry["verbs"]}
            continue
        optional = {name: entry[name] for name in ("shortNames", "categories", "storageVersionHash") if name in entry}
        found[plural] = {
            "kind": entry["kind"],
            "singular": entry["singularName"],
            "namespaced": entry["namespaced"],
            **foreign,
            "verbs": entry["verbs"],
            **optional,
        }
    return found


# --- schema.json ------------------------------------------------------------------------------------------------------


def schema_table(server: Server, go: Json) -> Json:
    schemas: Json = {}
    kinds: dict[str, str] = {}
    for path in sorted(server.must("/openapi/v3")["paths"]):
        document = server.must(f"/openapi/v3/{path}")
        for name, schema in document.get("components", {}).get("schemas", {}).items():
            schemas.setdefault(name, schema)
            kinds |= {kind: name for kind in _kinds(schema) if kind.rpartition("/")[2] not in _EVERYWHERE}
    types = {name: _type(name, schema, go["types"]) for name, schema in sorted(schemas.items())}
    return {"kinds": dict(sorted(kinds.items())), "registered": _registered(go["kinds"], kinds), "types": types}


def _kinds(schema: Json) -> Iterator[str]:
    for kind in schema.get("x-kubernetes-group-version-kind", ()):
        yield "/".join(filter(None, (kind["group"], kind["version"], kind["kind"])))


def _registered(every: Sequence[str], served: Mapping[str, str]) -> dict[str, list[str]]:
    """The kinds of group-versions that are compiled in and not served: a body of such a kind is refused in other words."""
    found: dict[str, list[str]] = {}
    for kind in sorted(every):
        api_version, _, name = kind.rpartition("/")
        if kind not in served and name not in _EVERYWHERE and not name.endswith("Options"):
            found.setdefault(api_version, []).append(name)
    return found


def _type(name: str, schema: Json, go_types: Json) -> Any:
    """One named type, as the header of schema.json explains."""
    node = _node(schema)
    go_name = ".".join(name.split(".")[-2:])
    if go_name in _RAW:
        node = {"raw": 1, "t": node if isinstance(node, str) else node["t"]}
    kinds = [[k["group"], k["version"], k["kind"]] for k in schema.get("x-kubernetes-group-version-kind", ())]
    if kinds and go_name.rpartition(".")[2] not in _EVERYWHERE:
        node = _as_object(node) | {"gvk": kinds}
    if isinstance(node, dict) and "f" in node and name in go_types:
        node = _with_go_facts(node, go_types[name])
    return node


def _as_object(node: Any) -> Json:
    return dict(node) if isinstance(node, dict) else {"t": node}


_FORMATS = {"int32": "int32", "int64": "int64", "byte": "byte", "date-time": "date-time", "double": "double"}
_PLAIN = {"integer": "int64", "boolean": "bool", "number": "double", "string": "string"}
_EXTENSIONS = {
    "default": "d",
    "enum": "e",
    "x-kubernetes-list-type": "lt",
    "x-kubernetes-list-map-keys": "lk",
    "x-kubernetes-map-type": "mt",
    "x-kubernetes-patch-merge-key": "pk",
    "x-kubernetes-patch-strategy": "ps",
    "x-kubernetes-unions": "u",
    "required": "req",
}


def _node(schema: Json) -> Any:
    """A schema in the table's form: a bare type, or an object when there is more to say."""
    node: Json = {"t": _type_word(schema)}
    if node["t"] == "struct":
        node["f"] = {name: _node(member) for name, member in schema["properties"].items()}
        bare = sorted(name for name, member in schema["properties"].items() if "$ref" in member)
        if bare:
            node["b"] = bare
    if node["t"] in ("list", "map"):
        node["i"] = _node(schema["items" if node["t"] == "list" else "additionalProperties"])
    node |= {short: schema[name] for name, short in _EXTENSIONS.items() if name in schema}
    return node["t"] if len(node) == 1 else node


def _type_word(schema: Json) -> str:
    reference = schema.get("$ref") or schema.get("allOf", [{}])[0].get("$ref")
    if reference:
        return "@" + str(reference).rpartition("/")[2]
    if "oneOf" in schema:
        return "int-or-string" if schema.get("format") == "int-or-string" else "quantity"
    kind = schema.get("type")
    if kind == "object":
        return "struct" if "properties" in schema else "map" if "additionalProperties" in schema else "object"
    if kind == "array":
        return "list"
    return _FORMATS.get(schema.get("format", "")) or _PLAIN.get(kind or "", "any")


def _with_go_facts(node: Json, facts: Sequence[Json]) -> Json:
    """Fields in Go's order, pointers, what is always printed, embedded structs and named types."""
    members = {field["name"]: field for field in facts}
    node = {**node, "f": {name: node["f"][name] for name in members if name in node["f"]}}
    named = {n: f["go"] for n, f in members.items() if n in node["f"] and f["go"] != go_name(node["f"][n])}
    added: Json = {
        "p": sorted(name for name, field in members.items() if field.get("pointer")),
        "z": {name: _zero(field) for name, field in sorted(members.items()) if _always_printed(field)},
        "em": {name: field["embedded"] for name, field in members.items() if field.get("embedded")},
        "g": {name: go for name, go in named.items() if go not in _SELF_DECODING},
    }
    return node | {name: value for name, value in added.items() if value}


def _always_printed(field: Json) -> bool:
    by_value = field["kind"] == "struct" and not field.get("pointer")
    return not field.get("omitzero") and (by_value or not field.get("omitempty"))


_ZEROS = {"bool": False, "string": "", "int32": 0, "int64": 0, "int": 0, "float64": 0}
_STRUCT_ZEROS = {
    "v1.Time": None,
    "v1.MicroTime": None,
    "resource.Quantity": "0",
    "intstr.IntOrString": 0,
    "v1.Duration": "0s",
    "runtime.RawExtension": None,
    "v1.JSON": None,
}


def _zero(field: Json) -> Any:
    """What Go prints for an unset field; `{}` stands for a struct with what it prints itself."""
    if field.get("pointer"):
        return None
    if field["kind"] == "struct":
        return _STRUCT_ZEROS.get(field["go"], {})
    return _ZEROS.get(field["kind"])


def go_name(node: Any) -> str:
    """The Go type that a node has unless Go names it otherwise."""
    kind = node if isinstance(node, str) else node["t"]
    if kind in ("list", "map"):
        return ("[]" if kind == "list" else "map[string]") + go_name(node["i"])
    if kind.startswith("@"):
        return ".".join(kind[1:].split(".")[-2:])
    return {"byte": "[]uint8", "double": "float64"}.get(kind, kind)


# --- protobuf.json ----------------------------------------------------------------------------------------------------

_META = "k8s.io.apimachinery.pkg.apis.meta.v1"
# Messages of types that print themselves: Go's tags do not show their fields.
_SPECIAL_MESSAGES: Json = {
    f"{_META}.Time": {"1": ["seconds", "int64"], "2": ["nanos", "int32"]},
    f"{_META}.MicroTime": {"1": ["seconds", "int64"], "2": ["nanos", "int32"]},
}


def protobuf_table(schema: Json, go: Json) -> Json:
    """The messages of all served kinds, of discovery and of partial metadata, and what they mention."""
    messages = go["proto"] | _SPECIAL_MESSAGES
    waiting = [_message_name(name) for name in schema["types"]]
    waiting += [f"{_META}.{kind}" for kind in _META_MESSAGES]
    waiting += [name for name in messages if ".apidiscovery.v2." in name]
    found: Json = {}
    while waiting:
        name = waiting.pop()
        if name in found or name not in messages:
            continue
        found[name] = dict(sorted(messages[name].items(), key=lambda field: int(field[0])))
        waiting += [kind.removeprefix("[]").removeprefix("map:") for _, kind in found[name].values()]
    return {"messages": dict(sorted(found.items()))}


def _message_name(openapi: str) -> str:
    return openapi.replace("io.k8s.", "k8s.io.", 1).replace("-", "_")


# --- columns.json -----------------------------------------------------------------------------------------------------


def columns_table(server: Server, resources: Json) -> Json:
    columns: Json = {}
    for group_version, listed in sorted(resources["resources"].items()):
        root = f"/apis/{group_version}" if "/" in group_version else f"/api/{group_version}"
        for plural, facts in sorted(listed.items()):
            if "list" in facts["verbs"]:
                table = server.must(f"{root}/{plural}?limit=1", TABLE_ACCEPT)
                columns[f"{group_version}/{plural}"] = [
                    [c["name"], c["type"], c["format"], c["priority"]] for c in table["columnDefinitions"]
                ]
    return {"columns": columns}


# --- files ------------------------------------------------------------------------------------------------------------

_FORMS = {
    "resources.json": "groups: order of /apis, [name, versions, preferred]; resources: group-version -> plural -> facts of discovery.",
    "schema.json": (
        "kinds: group/version/Kind -> type; registered: kinds of group-versions that are not served; types: OpenAPI "
        "name -> node. A node is a type (string, int32, int64, bool, double, byte, date-time, quantity, int-or-string, "
        "object, any, list, map, struct, @NAME) or an object with it in t, and: f fields in Go's order, i element, req "
        "required, d default, e enum, lt list-type, lk list-map-keys, mt map-type, pk patch-merge-key, ps "
        "patch-strategy, u unions, gvk, b fields whose reference is bare, raw keeps any JSON, z printed when unset ({}: a struct "
        "with its own), p pointers, em the embedded struct a field stands in, g its Go type where it has a name."
    ),
    "protobuf.json": "messages: name -> field number -> [json name, type]; []T repeated, map:T; an empty name is an embedded message.",
    "columns.json": "columns: group-version/plural -> [name, type, format, priority].",
}


def make_tables(server: Server, go: Json) -> dict[str, Json]:
    version = server.must("/version")["gitVersion"]
    resources = resources_table(server)
    schema = schema_table(server, go)
    tables = {
        "resources.json": resources,
        "schema.json": schema,
        "protobuf.json": protobuf_table(schema, go),
        "columns.json": columns_table(server, resources),
    }
    return {name: {"header": _header(name, version), **table} for name, table in tables.items()}


def _header(name: str, version: str) -> Json:
    source = f"kube-apiserver {version} and the Go types of its release (facts; Apache-2.0)"
    return {"generator": GENERATOR, "source": source, "form": _FORMS[name]}


def encoded(table: Json) -> str:
    """One entry per line, so that a new release shows as a readable difference."""
    parts = [f'"{section}":{_lines(entries)}' for section, entries in table.items()]
    return "{" + ",\n".join(parts) + "}\n"


def _lines(entries: Any) -> str:
    if not isinstance(entries, dict):
        return _compact(entries)
    return "{\n" + ",\n".join(f"{_compact(name)}:{_compact(value)}" for name, value in entries.items()) + "\n}"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def differences(tables: Mapping[str, Json], folder: Path) -> list[str]:
    return [name for name, table in tables.items() if (folder / name).read_text() != encoded(table)]


# --- command ----------------------------------------------------------------------------------------------------------


def go_facts(file: str | None) -> Json:
    if file:
        facts: Json = json.loads(Path(file).read_text())
        return facts
    module, program = ROOT / "tests" / "real", ROOT / "tools" / "gofacts" / "main.go"
    run = subprocess.run(["go", "run", str(program)], cwd=module, capture_output=True, check=True)
    found: Json = json.loads(run.stdout)
    return found


def server_of(kubeconfig: str) -> Server:
    """URL and token of the current context."""
    import yaml

    config = yaml.safe_load(Path(kubeconfig).read_text())
    context = next(c["context"] for c in config["contexts"] if c["name"] == config["current-context"])
    cluster = next(c["cluster"] for c in config["clusters"] if c["name"] == context["cluster"])
    user = next(u["user"] for u in config["users"] if u["name"] == context["user"])
    return Server(url=cluster["server"], token=user.get("token", ""))


def run(server: Server, arguments: argparse.Namespace) -> int:
    tables = make_tables(server, go_facts(arguments.gofacts))
    folder = Path(arguments.out)
    if arguments.check:
        changed = differences(tables, folder)
        print(f"tables: {len(tables) - len(changed)} equal, {len(changed)} differ {' '.join(changed)}".rstrip())
        return 1 if changed else 0
    for name, table in tables.items():
        (folder / name).write_text(encoded(table))
        print(f"{folder / name}: {(folder / name).stat().st_size} bytes")
    return 0


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", help="URL of an apiserver")
    parser.add_argument("--token", default="", help="bearer token of a reader")
    parser.add_argument("--kubeconfig", help="take server and token from here")
    parser.add_argument("--real", action="store_true", help="start the server of `make real`")
    parser.add_argument("--gofacts", help="output of tools/gofacts, instead of running it")
    parser.add_argument("--out", default=str(ROOT / "fakekube" / "data"))
    parser.add_argument("--check", action="store_true", help="compare instead of writing; exit 1 on a difference")
    arguments = parser.parse_args(argv)
    if arguments.real:
        sys.path.insert(0, str(ROOT / "tests" / "real"))
        import start  # type: ignore[import-not-found]  # stands in tests/real, beside its Go module

        with start.apiserver(controllers=()) as real:
            return run(Server(url=real.url, token=real.token), arguments)
    if arguments.kubeconfig:
        return run(server_of(arguments.kubeconfig), arguments)
    if not arguments.server:
        parser.error("name a server: --server URL, --kubeconfig FILE or --real")
    return run(Server(url=arguments.server, token=arguments.token), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
