"""A Kubernetes apiserver without sockets, and a thin HTTP shell around it. Submodules load on first use."""
