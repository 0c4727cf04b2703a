"""What changed between snapshots, and what was trained on what."""
