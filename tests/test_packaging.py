"""What is shipped: the packages listed by hand are those of the tree, and the wheel serves a project that has nothing but it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("chaos", "collab", "fakekube", "fixtures")

TWO_LINES = """\
from kubernetes.client import CoreV1Api
def test(kube): CoreV1Api(kube.client()).create_namespace({"metadata": {"name": "team"}})
"""

IN_VIRTUAL_TIME = """\
import asyncio
import pytest

@pytest.fixture
async def later(world):
    await asyncio.sleep(3600)
    yield world.loop.time()
    await asyncio.sleep(1)

@pytest.mark.fakekube_world(sites=3, agent=None)
async def test_once_on_the_virtual_loop(world, later):
    assert later == 3600
    async with world.session("site-001").get("/api/v1/namespaces") as response:
        assert response.status == 200
    assert asyncio.get_running_loop() is world.loop
    print("test ran once")
"""


def _setuptools() -> dict[str, object]:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    settings: dict[str, object] = tool["setuptools"]
    return settings


def _packages_of_the_tree() -> list[str]:
    folders = sorted(path.parent.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("__init__.py"))
    names = [".".join(folder.parts) for folder in folders]
    return sorted(
        "pytest_fakekube" + name.removeprefix("fixtures") if name.startswith("fixtures") else name for name in names
    )


def test_the_packages_listed_are_those_of_the_tree() -> None:
    settings = _setuptools()
    assert settings["packages"] == _packages_of_the_tree()
    assert settings["package-dir"] == {"pytest_fakekube": "fixtures"}


def test_every_folder_with_python_is_a_package() -> None:
    folders = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert sorted(str(folder) for folder in folders if not (folder / "__init__.py").exists()) == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from a copy of the tree, so that no build folder is left in it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    for room in ROOMS:
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    _run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)], folder
    )
    (built,) = folder.glob("fakekube-*.whl")
    return built


@pytest.mark.slow
def test_the_wheel_holds_every_file_that_a_package_needs(wheel: Path) -> None:
    shipped = set(zipfile.ZipFile(wheel).namelist())
    kinds = (".py", ".json", ".yaml", ".html", ".js", ".css", "py.typed")
    needed = {
        str(path.relative_to(ROOT)).replace("fixtures/", "pytest_fakekube/", 1 if room == "fixtures" else 0)
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.name.endswith(kinds) and "__pycache__" not in path.parts
    }
    assert sorted(needed - shipped) == []
    assert not any(name.startswith(("tests/", "fixtures/", "docs/")) for name in shipped)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in shipped)


@pytest.mark.slow
def test_a_project_with_nothing_but_the_wheel_runs_its_two_lines(wheel: Path, tmp_path: Path) -> None:
    python = _fresh_python(tmp_path / "venv")
    _run([python, "-m", "pip", "install", "--quiet", str(wheel), "pytest", "kubernetes"], tmp_path)
    (tmp_path / "test_two_lines.py").write_text(TWO_LINES)
    (tmp_path / "test_virtual.py").write_text(IN_VIRTUAL_TIME)
    assert "2 passed" in _pytest(python, tmp_path)

    _run([python, "-m", "pip", "install", "--quiet", "pytest-asyncio"], tmp_path)
    for mode in ("strict", "auto"):
        output = _pytest(python, tmp_path, f"--asyncio-mode={mode}", "-s")
        assert "2 passed" in output
        assert output.count("test ran once") == 1


def _fresh_python(folder: Path) -> str:
    _run([sys.executable, "-m", "venv", str(folder)], folder.parent)
    return str(folder / "bin" / "python")


def _pytest(python: str, folder: Path, *options: str) -> str:
    return _run([python, "-m", "pytest", "-q", *options], folder)


def _run(command: Sequence[str], folder: Path) -> str:
    """Output of a command that must succeed. The tree under test is not on its path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
