"""Time, links and faults for sites under test; scenarios, checks and reports."""
