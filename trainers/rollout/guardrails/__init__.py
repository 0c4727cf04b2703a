"""Watches how people fare with a new model against the old one, and sends it back if they fare worse."""
