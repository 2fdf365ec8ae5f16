"""The shared record: single-writer slots in a replicated map, and the joins over them."""
