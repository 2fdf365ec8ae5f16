#!/usr/bin/env bash
# Builds the real servers that tests use as oracle and two clients in Go, once, outside the tree; `build.sh e2e` builds
# Kubernetes' own end-to-end tests too (five minutes more).
# One line per binary; what cannot be built is named in one line and skipped: tests that need it then say so.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
version=1.37.2
toxiproxy=github.com/Shopify/toxiproxy/v2
toxiproxy_version=2.12.0
out=${FAKEKUBE_REAL:-${XDG_CACHE_HOME:-$HOME/.cache}/fakekube/real-$version}

stamp="-X k8s.io/component-base/version.gitVersion=v$version"
stamp+=" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37"

skip() {
  echo "real servers: skipped ($1); tests that need them are skipped too"
  exit 0
}

# compile NAME COMMAND...: the command leaves its result at $out/.partial/NAME; an interrupted build leaves nothing half-made.
compile() {
  local name=$1 began=$SECONDS
  shift
  if [[ -x $out/$name ]]; then
    echo "$name: ready"
    return
  fi
  if ! "$@" >"$out/.partial/$name.log" 2>&1; then
    echo "$name: not built: $(tail -n 1 "$out/.partial/$name.log") (see $out/.partial/$name.log)" >&2
    failed=1
    return
  fi
  mv "$out/.partial/$name" "$out/$name"
  rm -f "$out/.partial/$name.log"
  echo "$name: built in $((SECONDS - began)) s"
}

from_module() { (cd "$here" && nice go build -mod=readonly -ldflags "-s -w $stamp" -o "$out/.partial/$1" "$2"); }

own() { (cd "$here" && nice go build -mod=readonly -ldflags "-s -w" -o "$out/.partial/$1" "./$1"); }

from_tests() { (cd "$here" && nice go test -c -mod=readonly -ldflags "-s -w $stamp" -o "$out/.partial/$1" "$2"); }

from_release() {
  GOBIN=$out/.partial/$1.bin nice go install "$toxiproxy/cmd/$2@v$toxiproxy_version"
  mv "$out/.partial/$1.bin/$2" "$out/.partial/$1"
  rmdir "$out/.partial/$1.bin"
}

wanted=(toxiproxy-server toxiproxy-cli etcd kube-apiserver kube-controller-manager kubectl informer manager)
[[ ${1:-} != e2e ]] || wanted+=(e2e.test)

built() {
  local name
  for name in "${wanted[@]}"; do
    [[ -x $out/$name ]] || return 1
  done
}

if ! built; then
  command -v go >/dev/null || skip "Go is not installed"
  (cd "$here" && timeout 60 go mod download k8s.io/kubernetes >/dev/null 2>&1) || skip "the Go module proxy cannot be reached"
fi

mkdir -p "$out/.partial"
failed=0
compile toxiproxy-server from_release toxiproxy-server server
compile toxiproxy-cli from_release toxiproxy-cli cli
compile etcd from_module etcd go.etcd.io/etcd/server/v3
compile kube-apiserver from_module kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
compile kube-controller-manager from_module kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager
compile kubectl from_module kubectl k8s.io/kubernetes/cmd/kubectl
compile informer own informer
compile manager own manager
[[ ${1:-} != e2e ]] || compile e2e.test from_tests e2e.test k8s.io/kubernetes/test/e2e
exit "$failed"
