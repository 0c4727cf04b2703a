"""The candidates of a tenant in memory: their vectors, what lies near them, and where they stand with each task."""
