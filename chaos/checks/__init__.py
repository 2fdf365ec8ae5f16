"""Verdicts over histories: valid, invalid or unknown, with the evidence."""
