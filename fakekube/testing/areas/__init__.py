"""The bodies of the conformance kit, one module an area. Each was tried on a real kube-apiserver 1.37."""
