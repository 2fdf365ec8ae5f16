"""A Toxiproxy-compatible server, and the driver for it and for the real one."""
