"""Revisions, watch history and paging over encoded objects. Knows no Kubernetes kind."""
