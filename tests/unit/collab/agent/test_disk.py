"""Both disks keep the same promises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from collab.agent.disk import Disk, FileDisk, MemoryDisk


@pytest.fixture(params=["memory", "files"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    makes: dict[str, Callable[[], Disk]] = {"memory": MemoryDisk, "files": lambda: FileDisk(tmp_path / "data")}
    return makes[str(request.param)]()


def test_what_was_never_written_is_empty(disk: Disk) -> None:
    assert disk.read("nothing") == b""
    assert disk.names() == []


def test_appends_add_up_and_replace_starts_over(disk: Disk) -> None:
    disk.append("a~1.7", b"one")
    disk.append("a~1.7", b"two")
    assert disk.read("a~1.7") == b"onetwo"

    disk.replace("a~1.7", b"three")
    assert disk.read("a~1.7") == b"three"


def test_names_are_sorted_and_survive_any_character(disk: Disk) -> None:
    for name in ("b/../x", "a~1.7", "é b"):
        disk.append(name, name.encode())

    assert disk.names() == sorted(["b/../x", "a~1.7", "é b"])
    assert disk.read("b/../x") == b"b/../x"


def test_remove_forgets_and_may_be_repeated(disk: Disk) -> None:
    disk.append("x", b"1")
    disk.remove("x")
    disk.remove("x")
    assert disk.names() == []


def test_files_are_found_by_the_next_process(tmp_path: Path) -> None:
    FileDisk(tmp_path).append("x", b"1")
    assert FileDisk(tmp_path).read("x") == b"1"


def test_a_replace_cut_short_leaves_no_name(tmp_path: Path) -> None:
    disk = FileDisk(tmp_path)
    disk.append("x", b"old")
    (tmp_path / "x.tmp").write_bytes(b"ne")
    assert disk.names() == ["x"]
    assert disk.read("x") == b"old"
