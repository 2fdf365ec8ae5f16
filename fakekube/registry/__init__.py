"""The generic REST verbs and what each resource does differently. Knows no HTTP."""
