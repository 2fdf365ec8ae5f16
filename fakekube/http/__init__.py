"""The aiohttp shell: sockets, timers and kubeconfigs around one apiserver core."""
