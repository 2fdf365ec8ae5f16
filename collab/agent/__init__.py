"""The shell: sockets, files and timers around the pure protocol."""
