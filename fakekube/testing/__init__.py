"""The public conformance kits."""
