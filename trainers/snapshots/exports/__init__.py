"""Snapshots in the formats of others. Files appear whole or not at all."""
