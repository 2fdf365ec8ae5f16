"""Dynamic admission: what policies and webhooks, objects themselves, have to say to every write."""
