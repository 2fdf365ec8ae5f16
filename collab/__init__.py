"""The collaboration layer: sites that share namespaces on demand, without a hub, and work alone in between."""
