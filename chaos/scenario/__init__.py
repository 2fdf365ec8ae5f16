"""Scenario files, and their compilation to timelines."""
