"""Custom resources: what a definition makes servable, and how their objects are pruned, defaulted and validated."""
