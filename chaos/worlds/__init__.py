"""Where a timeline runs: virtual time in memory, or Toxiproxy on sockets."""
