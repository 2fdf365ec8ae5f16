"""What a run tells people and CI: text, JSON, JUnit."""
