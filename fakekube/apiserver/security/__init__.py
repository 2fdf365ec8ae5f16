"""Who asks, and whether they may: filters for the chain of a site that wants to know."""
