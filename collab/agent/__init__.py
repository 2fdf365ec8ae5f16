"""The agent: sockets, files and timers around the pure protocol core. Runs on any asyncio loop, real or virtual."""
