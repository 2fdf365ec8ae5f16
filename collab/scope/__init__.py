"""The scope language: where one request acts."""
