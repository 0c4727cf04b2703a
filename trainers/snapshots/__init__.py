"""What was trained on: frozen, content-addressed data sets and their lineage."""
