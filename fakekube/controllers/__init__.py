"""Light controllers that a site may run: work to do at a due time, no threads."""
