"""An asyncio event loop whose clock jumps, and the in-memory network on it."""
