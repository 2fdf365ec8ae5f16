"""File paths inside objects. Source: pkg/apis/core/validation of Kubernetes 1.37."""

from __future__ import annotations

from fakekube.registry.validation.causes import Causes, invalid, required


def local_path(text: str, path: str) -> Causes:
    """Relative, and never upwards."""
    if text.startswith("/"):
        yield invalid(path, text, "must be a relative path")
    yield from no_backsteps(text, path)


def no_backsteps(text: str, path: str) -> Causes:
    if ".." in text.replace("\\", "/").split("/"):
        yield invalid(path, text, "must not contain '..'")


def local_file(text: str, path: str) -> Causes:
    """A file name inside a volume: not hidden as `..data` is."""
    if not text:
        yield required(path)
        return
    yield from local_path(text, path)
    if text.startswith("..") and not text.startswith("../") and text != "..":
        yield invalid(path, text, "must not start with '..'")


def absolute(text: str, path: str) -> Causes:
    if not text.startswith("/"):
        yield invalid(path, text, "must be an absolute path")
