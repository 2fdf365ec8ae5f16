#!/usr/bin/env bash
# One trace hash on every other Python that is present: the dependencies of each are installed once, in the user's cache.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/fakekube/pythons
wanted=$1 # the interpreter of the project's own environment

dependencies() { "$wanted" -c 'import tomllib; print("\n".join(tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]))'; }
trace() { PYTHONPATH=. "$1" -m chaos.cli run partition-e --sites 9 --json 2>/dev/null | sed -n 's/.*"trace_sha256": *"\([0-9a-f]*\)".*/\1/p'; }

found() { # the interpreter of a version, from PATH or from pyenv
  for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
    if "$candidate" -c 'pass' 2>/dev/null; then echo "$candidate" && return; fi
  done
}

first=$(trace "$wanted")
[ -n "$first" ] || { echo "pythons: partition-e gave no trace hash" >&2; exit 1; }
own=$("$wanted" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
for version in 3.11 3.12 3.13; do
  if [ "$version" = "$own" ]; then continue; fi
  python=$(found "$version")
  if [ -z "$python" ]; then echo "pythons: no Python $version here, skipped" && continue; fi
  home=$cache/$version-$(dependencies | sha256sum | cut -c1-12)
  if [ ! -e "$home/.ready" ]; then
    rm -rf "$home"
    "$python" -m venv "$home"
    dependencies | "$home/bin/python" -m pip install --quiet --requirement /dev/stdin ||
      { echo "pythons: the dependencies cannot be installed for Python $version, skipped" && continue; }
    touch "$home/.ready"
  fi
  [ "$(trace "$home/bin/python")" = "$first" ] || { echo "pythons: the trace on Python $version is another one" >&2; exit 1; }
  echo "pythons: $version: the same trace"
done
