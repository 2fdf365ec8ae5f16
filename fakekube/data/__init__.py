"""Generated tables: facts recorded from a real kube-apiserver, no code."""
