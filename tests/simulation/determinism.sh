#!/usr/bin/env bash
# The same seed gives one trace hash under three PYTHONHASHSEEDs; another seed gives another.
set -euo pipefail
fakekube=${1:-fakekube}
hash() { PYTHONHASHSEED=$1 "$fakekube" run partition-e --sites "$2" --seed "$3" --json 2>/dev/null | sed -n 's/.*"trace_sha256": *"\([0-9a-f]*\)".*/\1/p'; }
for sites in 5 30; do
  first=$(hash 0 "$sites" 1)
  [ -n "$first" ] || { echo "determinism: partition-e --sites $sites gave no trace hash" >&2; exit 1; }
  for seed in 1 2; do
    [ "$(hash $seed "$sites" 1)" = "$first" ] || { echo "determinism: partition-e --sites $sites differs under PYTHONHASHSEED=$seed" >&2; exit 1; }
  done
  [ "$(hash 0 "$sites" 2)" != "$first" ] || { echo "determinism: partition-e --sites $sites has one hash for two seeds" >&2; exit 1; }
  echo "determinism: partition-e --sites $sites: one hash under three PYTHONHASHSEEDs, another for another seed"
done
