"""docs/toxiproxy.md: its table of toxics is the server's, its modes are the driver's, its examples run."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import get_args

from chaos.toxiproxy.driver import Mode
from chaos.toxiproxy.thread import ThreadedToxiproxy
from chaos.toxiproxy.toxics import TYPES

PAGE = (Path(__file__).parents[2] / "docs" / "toxiproxy.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_table_of_toxics_is_the_server_s() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (.*?) \|", PAGE, re.MULTILINE)
    told = {name: tuple(re.findall(r"`(\w+)`", attributes)) for name, attributes in rows}
    assert told == {name: kind.attributes for name, kind in TYPES.items() if name != "noop"}


def test_the_table_of_modes_is_the_driver_s() -> None:
    assert re.findall(r"^\| `(\w+)` \(", PAGE, re.MULTILINE) == list(get_args(Mode))


def test_the_server_example_runs() -> None:
    exec(compile(EXAMPLES[0], "docs/toxiproxy.md", "exec"), {})


def test_the_links_example_runs() -> None:
    with ThreadedToxiproxy() as url, socket.create_server(("127.0.0.1", 0)) as site:
        at = f"127.0.0.1:{site.getsockname()[1]}"
        names: dict[str, object] = {"url": url, "addresses": {"paris": at, "rennes": at, "brest": at}}
        exec(compile(EXAMPLES[1], "docs/toxiproxy.md", "exec"), names)
