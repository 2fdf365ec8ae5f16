"""The scenarios that ship with the package, as YAML files, and the Python functions that some of them call."""
