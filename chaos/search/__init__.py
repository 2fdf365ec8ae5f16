"""Sweeping seeds and shrinking what fails."""
