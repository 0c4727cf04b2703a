"""What selection is worth on real data: `python -m tests.evaluations.selection`."""
